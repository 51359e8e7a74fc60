import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Budget } from "../../src/_budget.ts";
import { type Flow, leastOf, Windows } from "../../src/_credit/windows.ts";

function setUp(size = 100, perFlow = 50): { inbound: Budget; windows: Windows } {
  const inbound = new Budget(size);
  return { inbound, windows: new Windows(inbound, perFlow) };
}

test("Windows.grant() gives what is left of the upload, at most the share of one flow", () => {
  const { windows, inbound } = setUp();
  assertEquals(windows.grant(windows.open(10, 25)), 25);
  assertEquals(windows.grant(windows.open(10, 1_000)), 50);
  assertEquals(inbound.used, 75);
});

test("Windows.grant() shares among the flows that there are", () => {
  const { windows } = setUp(100, 100);
  const flows = [1, 2, 3, 4].map(() => windows.open(5, 1_000));
  assertEquals(flows.map((flow) => windows.grant(flow)), [25, 25, 25, 25]);
});

test("Windows.grant() gives at least one whole chunk, or nothing", () => {
  const { windows } = setUp(100, 50);
  const [a, b, c] = [windows.open(60, 600), windows.open(60, 600), windows.open(40, 400)];
  assertEquals(windows.grant(a!), 60);
  assertEquals(windows.grant(b!), 0);
  assertEquals(windows.grant(c!), 40);
});

test("Windows.grant() never takes back what was granted", () => {
  const { windows, inbound } = setUp();
  const flow = windows.open(10, 1_000);
  assertEquals(windows.grant(flow), 50);
  for (let i = 0; i < 9; i++) windows.open(10, 1_000);
  assertEquals(windows.grant(flow), 50);
  windows.received(flow, 10, 10);
  assertEquals([flow.window, windows.grant(flow)], [40, 40]);
  inbound.resize(5);
  assertEquals(windows.grant(flow), 40);
});

test("Windows.grant() lets a chunk above the whole budget go alone", () => {
  const { windows, inbound } = setUp(100, 50);
  const [a, b] = [windows.open(300, 900), windows.open(10, 100)];
  assertEquals(windows.grant(a!), 300);
  assertEquals(windows.grant(b!), 0);
  windows.received(a!, 300, 300);
  assertEquals(windows.grant(b!), 50);
  assertEquals(windows.grant(a!), 0);
  windows.close(b!);
  assertEquals(windows.grant(a!), 300);
  assertEquals(inbound.used, 300);
});

test("Windows.grant() leaves alone what others on the connection use", () => {
  const { windows, inbound } = setUp();
  inbound.adjust(95);
  assertEquals(windows.grant(windows.open(10, 100)), 0);
});

test("Windows.grant() leaves so much as it is told to those who go first", () => {
  const { windows } = setUp(100, 100);
  const [a, b] = [windows.open(10, 1_000), windows.open(30, 1_000)];
  windows.received(a!, 10, 10);
  assertEquals(windows.grant(a!, leastOf(b!)), 50);
  assertEquals(windows.grant(windows.open(1, 10), Infinity), 0);
});

test("Windows.grant() counts in whole chunks as soon as their length is known", () => {
  const { windows } = setUp(100, 55);
  const flow = windows.open(20, 1_000);
  assertEquals(windows.grant(flow), 55);
  windows.received(flow, 17, 17);
  assertEquals(flow.window, 34); // two more of 17; the rest could not be used
  assertEquals(windows.grant(flow), 51);
});

test("Windows.grant() gives an empty payload a window, and none to one that is whole", () => {
  const { windows, inbound } = setUp();
  const empty = windows.open(0, 0);
  assertEquals(windows.grant(empty), 1);
  windows.received(empty, 0, 0);
  assertEquals([windows.grant(empty), inbound.used], [0, 0]);
});

test("Windows.promised counts flows with a window that were not admitted yet", () => {
  const { windows } = setUp();
  const [a, b] = [windows.open(10, 30), windows.open(10, 20)];
  windows.grant(a!);
  windows.grant(b!);
  assertEquals(windows.promised, { flows: 2, bytes: 50 });
  windows.received(a!, 10, 10);
  assertEquals(windows.promised, { flows: 1, bytes: 20 });
  windows.revoke(b!);
  assertEquals(windows.promised, { flows: 0, bytes: 0 });
  windows.grant(b!);
  windows.close(b!);
  assertEquals(windows.promised, { flows: 0, bytes: 0 });
});

test("Windows.close() gives the window back, once", () => {
  const { windows, inbound } = setUp();
  const flow = windows.open(10, 30);
  windows.grant(flow);
  windows.close(flow);
  windows.close(flow);
  assertEquals(inbound.used, 0);
});

test("Windows never hand out more than the budget, but for a chunk alone", () => {
  const chunk = fc.integer({ min: 1, max: 150 });
  const step = fc.tuple(fc.constantFrom("open", "grant", "receive", "close"), fc.nat(7), chunk);
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
    const { windows, inbound } = setUp(100, 60);
    const flows: Flow[] = [];
    for (const [type, which, size] of steps) {
      const flow = flows[which % Math.max(1, flows.length)];
      if (type === "open" || !flow) {
        flows.push(windows.open(size, size * 5));
      } else if (type === "grant") {
        const before = flow.window;
        const window = windows.grant(flow);
        assert(window >= before);
        assert(window === 0 || window >= leastOf(flow));
      } else if (type === "receive") {
        const bytes = leastOf(flow);
        if (flow.window >= bytes) windows.received(flow, bytes, flow.chunkSize);
      } else {
        windows.close(flow);
        flows.splice(flows.indexOf(flow), 1);
      }
      const sum = flows.reduce((total, { window }) => total + window, 0);
      assertEquals(inbound.used, sum);
      const alone = flows.filter(({ window }) => window > 0).length === 1;
      assert(sum <= 100 || alone, `${sum} bytes were handed out`);
    }
  }));
});

test("Windows.grant() counts what a flow's handler has not taken against its share", () => {
  const { windows, inbound } = setUp(100, 50);
  const flow = windows.open(10, 1_000);
  windows.grant(flow);
  windows.received(flow, 50, 10);
  inbound.adjust(50); // held
  assertEquals(windows.grant(flow, 0, { held: 50, taken: 0, isHungry: false }), 0);
  inbound.adjust(-15);
  assertEquals(windows.grant(flow, 0, { held: 35, taken: 15, isHungry: false }), 10);
  inbound.adjust(-35);
  assertEquals(windows.grant(flow, 0, { held: 0, taken: 50, isHungry: true }), 50);
  assertEquals([windows.granted, inbound.used], [50, 50]);
});

test("Windows.grant() goes beyond the budget by one chunk, for one flow that will not let it wait", () => {
  const { windows, inbound } = setUp(100, 50);
  const [a, b] = [windows.open(30, 900), windows.open(30, 900)];
  inbound.adjust(90);
  const hungry = { held: 0, taken: 50, isHungry: true };
  assertEquals(windows.grant(a!, 0, { held: 0, taken: 50, isHungry: false }), 0);
  assertEquals(windows.grant(a!, 10, hungry), 0); // others go first
  assertEquals(windows.grant(a!, 0, hungry), 30);
  assertEquals([windows.grant(b!, 0, hungry), inbound.used], [0, 120]);
  windows.received(a!, 30, 30);
  assertEquals([windows.grant(b!, 0, hungry), windows.grant(a!, 0, hungry)], [30, 0]);
});

test("Windows.grant() begins with little where nobody has taken anything, and grows with what is taken", () => {
  const MiB = 1024 * 1024;
  const { windows } = setUp(32 * MiB, 16 * MiB);
  const flow = windows.open(MiB, 100 * MiB);
  const grown = [0, 1, 5, 14, 50].map((taken) => {
    windows.revoke(flow);
    return windows.grant(flow, 0, { held: 0, taken: taken * MiB, isHungry: false }) / MiB;
  });
  assertEquals(grown, [2, 3, 7, 16, 16]);
  const large = windows.open(8 * MiB, 100 * MiB);
  assertEquals(windows.grant(large, 0, { held: 0, taken: 0, isHungry: false }), 8 * MiB);
});
