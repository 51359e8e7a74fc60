/** What `peer_test.ts` talks to. */
import process from "node:process";
import { servePeer } from "../../tools/serve_peer.ts";

let release = (): void => {};

servePeer({
  add: ({ a, b }: { a: number; b: number }) => a + b,
  count({ to }: { to: number }, report) {
    for (let n = 1; n <= to; n++) report(n);
  },
  fail: () => {
    throw new RangeError("too much", { cause: new Error("of it") });
  },
  chat: () => console.log("not an answer"),
  pid: () => process.pid,
  exit: () => process.exit(7),
  hold: () => new Promise<void>((resolve) => release = resolve),
  release: () => release(),
});
