/**
 * All tables of the benchmark, in the order in which they run. A new capability adds its own here.
 *
 * @module
 */
import type { BenchTable } from "./bench_table.ts";
import { coreTable } from "./tables/core.ts";
import { filesTable } from "./tables/files.ts";
import { jetStreamTable } from "./tables/jetstream.ts";
import { jetStreamPeersTable } from "./tables/jetstream_peers.ts";

/** All tables. */
export const TABLES: readonly BenchTable[] = [
  coreTable,
  filesTable,
  jetStreamTable,
  jetStreamPeersTable,
];
