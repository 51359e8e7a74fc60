/** The runtimes that natskit has an adapter for. */
export type Runtime = "deno" | "bun" | "node" | "browser";

/** What the runtimes put on the global object, as far as it tells them apart. */
interface Globals {
  Deno?: unknown;
  Bun?: unknown;
  process?: { versions?: { node?: unknown } };
}

/** Tells where this code runs. Deno and Bun come first, because both also pass for Node. */
export function detectRuntime(globals: object = globalThis): Runtime {
  const { Deno, Bun, process } = globals as Globals;
  if (Deno !== undefined) return "deno";
  if (Bun !== undefined) return "bun";
  if (process?.versions?.node !== undefined) return "node";
  return "browser";
}
