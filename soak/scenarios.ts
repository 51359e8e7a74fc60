/**
 * All scenarios.
 *
 * @module
 */
import type { Scenario } from "./scenario.ts";
import { big } from "./scenarios/big.ts";
import { cut } from "./scenarios/cut.ts";
import { hostile } from "./scenarios/hostile.ts";
import { killReceiver } from "./scenarios/kill_receiver.ts";
import { killSender } from "./scenarios/kill_sender.ts";
import { killServer } from "./scenarios/kill_server.ts";
import { latency } from "./scenarios/latency.ts";
import { many } from "./scenarios/many.ts";
import { slowSink } from "./scenarios/slow_sink.ts";

/** All scenarios, in the order of the usage. */
export const SCENARIOS: readonly Scenario[] = [
  big,
  slowSink,
  killServer,
  killSender,
  killReceiver,
  latency,
  cut,
  many,
  hostile,
];
