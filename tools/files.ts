/**
 * The file source and the file sink of the runtime that this code runs on.
 *
 * @module
 */
import process from "node:process";

/** What every adapter for a system with files exports; that of Deno stands for all. */
type FileAdapter = Pick<typeof import("../src/adapters/deno.ts"), "fileSink" | "fileSource">;

const runtime = process.versions.deno !== undefined
  ? "deno"
  : process.versions.bun !== undefined
  ? "bun"
  : "node";

const adapter: FileAdapter = await import(`../src/adapters/${runtime}.ts`);

/** Opens a file to be sent. */
export const fileSource: FileAdapter["fileSource"] = adapter.fileSource;

/** Receives into a folder. */
export const fileSink: FileAdapter["fileSink"] = adapter.fileSink;
