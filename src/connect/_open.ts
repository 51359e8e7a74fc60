import { errors, type NatsConnection, wsconnect } from "@nats-io/nats-core";
import { CORE_RANGE } from "../_core.ts";
import { CoreMismatchError } from "../errors.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { dial, type Dialling, type OfficialTransport } from "./_dial.ts";
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
  let failure: { reason: unknown } | undefined;
  let dialling: Dialling | undefined;
  try {
    const interrupted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal!.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      timer = setTimeout(
        () => reject(describeTimeout(servers, connectTimeout, dialling?.lastError())),
        connectTimeout,
      );
    });
    const dialled = dial(transport, settings).then(async (made) => {
      dialling = made;
      if (failure !== undefined) made.stop(failure.reason);
      return await made.connected.catch((error) => {
        throw describeFailure(servers, error);
      });
    });
    const connection = await Promise.race([dialled, interrupted]);
    succeeded = true;
    return connection;
  } catch (error) {
    failure = { reason: error };
    dialling?.stop(error);
    throw error;
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
    settle(succeeded);
  }
}
