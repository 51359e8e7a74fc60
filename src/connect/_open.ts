import { errors, type NatsConnection, wsconnect } from "@nats-io/nats-core";
import { CORE_RANGE } from "../_core.ts";
import { CoreMismatchError } from "../errors.ts";
import { dial, type OfficialTransport } from "../adapters/_dial.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { describeFailure, describeTimeout } from "./_failure.ts";
import { claimTransport } from "./_guard.ts";
import { readSettings } from "./_settings.ts";

const webSocket: OfficialTransport = { connect: wsconnect, errors };

/**
 * Connects over the transport that the servers ask for. The contract that every adapter shares.
 *
 * @param options What the caller of `connect` gave.
 * @param tcp The runtime's official TCP transport; `undefined` where there is none, in a browser.
 */
export async function openConnection(
  options: ConnectOptions,
  tcp: OfficialTransport | undefined,
): Promise<NatsConnection> {
  const settings = readSettings(options, tcp && "nats://127.0.0.1:4222");
  const { servers, signal, connectTimeout } = settings;
  const transport = servers.kind === "ws" ? webSocket : tcp;
  if (transport === undefined) {
    throw new TypeError(
      `connect: servers is ${servers.shown.join(", ")}, a browser needs a ws:// or wss:// URL`,
    );
  }
  if (transport.errors !== errors) {
    throw new CoreMismatchError("the transport", undefined, CORE_RANGE);
  }
  signal?.throwIfAborted();

  const settle = claimTransport(servers.kind);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onAbort: (() => void) | undefined;
  let succeeded = false;
  try {
    const dialling = await dial(transport, settings);
    const interrupted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal!.reason);
      if (signal?.aborted) onAbort();
      signal?.addEventListener("abort", onAbort, { once: true });
      timer = setTimeout(
        () => reject(describeTimeout(servers, connectTimeout, dialling.lastError())),
        connectTimeout,
      );
    });
    try {
      const connection = await Promise.race([
        dialling.connected.catch((error) => {
          throw describeFailure(servers, error);
        }),
        interrupted,
      ]);
      succeeded = true;
      return connection;
    } catch (error) {
      dialling.stop(error);
      throw error;
    }
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
    settle(succeeded);
  }
}
