/** A scenario that does what a test says. */
import type { Scenario, SoakRun } from "../../soak/scenario.ts";

export function scenarioOf(
  run: (run: SoakRun) => Promise<string>,
  more: Partial<Scenario> = {},
): Scenario {
  return {
    name: "test",
    title: "a test",
    variants: ["core", "limits"],
    times: 3,
    size: 1_000,
    timeout: 2_000,
    run,
    ...more,
  };
}
