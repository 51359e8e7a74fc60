import type { NatsConnection } from "@nats-io/nats-core";
import { TransportMissingError } from "../errors.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { Runtime } from "./_runtime.ts";

/** What every module in `src/adapters/` exports. */
export interface Adapter {
  /** Connects with the runtime's transport. */
  connect(options?: ConnectOptions): Promise<NatsConnection>;
}

/**
 * Where the adapter of a runtime is, seen from this folder. The specifier is computed, so that bundlers and the static
 * graph of a registry see no transport in `.`. Built JavaScript has no `deno.js`, because npm has no transport-deno: Deno
 * runs transport-node there.
 */
export function adapterSpecifier(runtime: Runtime, moduleUrl: string): string {
  const isSource = moduleUrl.endsWith(".ts");
  const name = runtime === "deno" && !isSource ? "node" : runtime;
  return `../adapters/${name}${isSource ? ".ts" : ".js"}`;
}

/** Loads the adapter of a runtime, or says what to do about its absence. */
export async function loadAdapter(
  runtime: Runtime,
  importModule: (specifier: string) => Promise<unknown> = (specifier) => import(specifier),
): Promise<Adapter> {
  try {
    return await importModule(adapterSpecifier(runtime, import.meta.url)) as Adapter;
  } catch (cause) {
    throw new TransportMissingError(runtime, ADVICE[runtime], { cause });
  }
}

const FROM_NPM =
  "the JSR package has a transport for Deno only, until then install natskit from npm together with its peer " +
  "dependency @nats-io/transport-node";

const ADVICE: Readonly<Record<Runtime, string>> = {
  deno: "@nats-io/transport-deno (from npm: @nats-io/transport-node) could not be loaded",
  node: `${FROM_NPM}. In a bundle, import connect from natskit/node`,
  bun: `${FROM_NPM}. In a bundle, import connect from natskit/bun`,
  browser: "import connect from natskit/browser, or bundle with the browser condition",
};
