import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { newUploadId } from "../../src/_upload_id.ts";
import { forSeeds, Scene } from "./_scene.ts";

const TIMEOUT = 30_000;

test("CreditSender fails at once with absent when nobody is subscribed", () => {
  const scene = new Scene(1);
  const sender = scene.sender();
  scene.run();
  assertEquals([sender.outcome, sender.sent], ["absent", 0]);
  assert(sender.endedAt < 100);
});

test("CreditSender takes no responders for silence when it is not the answer to its first ask", () => {
  const scene = new Scene(1);
  const receiver = scene.receiver({ options: { maxUploads: 1 } });
  const sender = scene.sender({ chunks: 5, chunkSize: 10, window: 10, readTime: () => 100 });
  scene.at(200, () => receiver.crash());
  scene.at(6_000, () => receiver.restart());
  scene.run();
  assertEquals(sender.outcome, "done");
});

test("CreditSender fails with mute after the timeout when nobody grants credit, naming a stream", () => {
  for (const stream of [undefined, "UPLOADS"]) {
    const scene = new Scene(1);
    const receiver = scene.receiver();
    receiver.isMute = true;
    const sender = scene.sender();
    if (stream) scene.at(10, () => sender.onStored(stream));
    scene.run();
    assertEquals([sender.outcome, sender.endedAt, sender.sent], ["mute", TIMEOUT, 0]);
    assertStringIncludes(sender.message, stream ? '"UPLOADS"' : '"unconfirmed"');
  }
});

test("CreditSender fails with silent, naming the receiver, when one that began is gone for good", () => {
  forSeeds(200, (seed) => {
    const scene = new Scene(seed, { latency: 20 });
    const { random } = scene;
    for (let i = random.int(1, 3); i > 0; i--) scene.receiver({ handle: () => undefined });
    const sender = scene.sender({ chunks: random.int(2, 10), readTime: () => 30 });
    scene.at(400, () => random.pick(scene.receivers).crash());
    scene.run();
    assertEquals(sender.outcome, "silent");
    assertStringIncludes(sender.message, "the receiver ");
    assert(sender.endedAt <= 400 + TIMEOUT + 5_000, `only after ${sender.endedAt} ms`);
  });
});

test("CreditSender fails with silent when the connection does not come back", () => {
  const scene = new Scene(1);
  scene.receiver();
  const sender = scene.sender({ chunks: 10, chunkSize: 10, readTime: () => 50 });
  scene.at(150, () => sender.disconnect());
  scene.run();
  assertEquals(sender.outcome, "silent");
  assertStringIncludes(sender.message, "the connection is lost");
  assert(sender.endedAt <= 150 + TIMEOUT);
});

test("CreditSender keeps waiting as long as the receiver works on the payload, or has no room", () => {
  const scene = new Scene(1);
  scene.receiver({ handle: () => 200_000, options: { maxUploads: 1 } });
  scene.sender();
  scene.sender();
  scene.run(500_000);
  scene.expect("done");
  assert(scene.world.now > 400_000);
});

test("CreditSender fails with rejected when the application or a limit refuses, and says why", () => {
  forSeeds(100, (seed) => {
    const scene = new Scene(seed);
    const isTooLarge = seed % 2 === 0;
    scene.receiver({
      handle: () => "nak",
      options: { maxUploadBytes: isTooLarge ? 10 : 10_000 },
    });
    const sender = scene.sender({ chunks: 3, chunkSize: 20 });
    scene.run();
    assertEquals(sender.outcome, "rejected");
    assertStringIncludes(
      sender.message,
      isTooLarge ? "maxUploadBytes is 10" : "the receiver rejected the payload",
    );
    assert(sender.endedAt < 2_000);
  });
});

test("CreditSender goes on with the receivers that accept when one refuses before it began", () => {
  forSeeds(100, (seed) => {
    const scene = new Scene(seed, { latency: 20 });
    scene.receiver({ options: { maxUploadBytes: 1 } });
    const accepting = scene.receiver();
    const sender = scene.sender({ chunks: 3, chunkSize: 20 });
    scene.run();
    scene.expect("done");
    assert(accepting.acked.includes(sender.plan.uploadId));
  });
});

test("CreditSender fails with rejected: abandoned when the application leaves its loop", () => {
  const scene = new Scene(1);
  const receiver = scene.receiver({ handle: () => undefined });
  const sender = scene.sender({ chunks: 3, chunkSize: 20 });
  scene.at(1_000, () => receiver.close());
  scene.run();
  assertEquals(sender.outcome, "rejected");
  assertStringIncludes(sender.message, "abandoned");
  assertEquals(receiver.inbound.used, 0);
});

test("CreditSender fails with taken when another sender uses its id", () => {
  forSeeds(200, (seed) => {
    const scene = new Scene(seed, { latency: 20 });
    const { random } = scene;
    scene.receiver({ handle: () => random.pick([0, 8_000]) });
    const first = scene.sender({ chunks: 8, readTime: () => 40 });
    scene.at(random.int(100, 2_000), () => scene.sender({ plan: first.plan }));
    scene.world.run(2_000, () => false);
    scene.run();
    const [, second] = scene.senders;
    assertEquals([first.outcome, second?.outcome, second?.sent], ["done", "taken", 0]);
  });
});

test("an upload goes to another sender when its first one was silent for ten seconds", () => {
  const scene = new Scene(3);
  const receiver = scene.receiver();
  const first = scene.sender({ chunks: 8, chunkSize: 30, readTime: () => 40 });
  scene.at(150, () => first.stop());
  scene.world.run(11_000, () => false);
  const second = scene.sender({ plan: first.plan });
  scene.world.run(60_000, () => second.outcome !== undefined);
  assertEquals(second.outcome, "done");
  assert(second.sent < 8, "what the first had sent is still there");
  assertEquals(receiver.delivered.length, 1);
});

test("Assembler is not held up by ten thousand asks that nothing follows", () => {
  const scene = new Scene(5, { latency: 5 });
  scene.receiver({ inbound: 2_000 });
  for (let i = 0; i < 10_000; i++) {
    const plan = { uploadId: newUploadId(), chunkSize: 100, data: new Uint8Array(500) };
    const hostile = scene.sender({ plan });
    scene.senders.pop();
    scene.at(i % 100, () => hostile.stop());
  }
  scene.world.run(500, () => false);
  for (let i = 0; i < 3; i++) scene.sender({ chunks: 10 });
  scene.run();
  scene.expect("done");
  assert(scene.world.now < 20_000, `it took ${scene.world.now} ms`);
});

test("Assembler is not held up by senders that ask again and again and send nothing", () => {
  const scene = new Scene(6, { latency: 5 });
  scene.receiver({ inbound: 1_000, options: { maxUploads: 5 } });
  for (let i = 0; i < 40; i++) {
    const plan = { uploadId: newUploadId(), chunkSize: 100, data: new Uint8Array(500) };
    const hostile = scene.sender({ plan });
    hostile.sendsNothing = true;
    scene.senders.pop();
  }
  scene.world.run(500, () => false);
  for (let i = 0; i < 3; i++) scene.sender({ chunks: 10 });
  scene.run();
  scene.expect("done");
  assert(scene.world.now < 120_000, `it took ${scene.world.now} ms`);
});
