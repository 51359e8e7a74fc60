import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { forSeeds, rough, Scene } from "./_scene.ts";

test("CreditSender and Assembler deliver everything when the network loses, repeats and delays", () => {
  forSeeds(600, (seed) => {
    const scene = new Scene(seed, rough(seed));
    const { random } = scene;
    scene.receiver({ handle: () => random.pick([0, 50, 5_000]) });
    for (let i = random.int(1, 4); i > 0; i--) scene.sender();
    scene.run();
    scene.expect("done");
  });
});

test("CreditSender and Assembler never have more in flight to a connection than its budget", () => {
  forSeeds(300, (seed) => {
    const scene = new Scene(seed, { latency: 50 });
    const { random } = scene;
    scene.broker.isStrict = true;
    const receiver = scene.receiver({ handle: () => random.int(0, 3_000) });
    let largest = 0;
    for (let i = random.int(1, 8); i > 0; i--) {
      const sender = scene.sender({ readTime: () => random.pick([0, 1, 20]) });
      largest = Math.max(largest, sender.plan.chunkSize);
    }
    const watch = (): void => {
      const { client, inbound } = receiver;
      const most = Math.max(inbound.size, largest); // a chunk above the whole budget goes alone
      assert(client.inbound <= most, `${client.inbound} bytes in flight, at most ${most} may be`);
      scene.at(scene.world.now + 1, watch);
    };
    watch();
    scene.run();
    scene.expect("done");
    assertEquals(receiver.inbound.used, 0);
  });
});

test("CreditSender and Assembler deliver everything through disconnects of both sides", () => {
  forSeeds(500, (seed) => {
    const scene = new Scene(seed, rough(seed));
    const { random } = scene;
    const receiver = scene.receiver({ handle: () => random.pick([0, 2_000]) });
    for (let i = random.int(1, 3); i > 0; i--) {
      const sender = scene.sender({ readTime: () => random.pick([0, 0, 300]) });
      for (let j = random.int(0, 3), at = random.int(0, 1_000); j > 0; j--) {
        const back = at + random.int(1, 6_000);
        scene.at(at, () => sender.disconnect());
        scene.at(back, () => sender.reconnect());
        at = back + random.int(1, 2_000);
      }
    }
    for (let j = random.int(0, 2), at = random.int(100, 1_000); j > 0; j--) {
      const back = at + random.int(1, 6_000);
      scene.at(at, () => (receiver.client.isUp = false, receiver.client.epoch++));
      scene.at(back, () => receiver.client.isUp = true);
      at = back + random.int(1, 2_000);
    }
    scene.run();
    // Who asks first while the receiver is away hears that nobody is there.
    const early = scene.senders.filter(({ outcome, sent }) => outcome === "absent" && sent === 0);
    for (const sender of early) scene.senders.splice(scene.senders.indexOf(sender), 1);
    scene.expect("done");
  });
});

test("CreditSender starts again at a receiver that takes the place of a dead one", () => {
  forSeeds(500, (seed) => {
    const scene = new Scene(seed, { latency: 50 });
    const { random } = scene;
    const restartable = random.chance(0.7);
    const receiver = scene.receiver({ handle: () => random.pick([0, 3_000]) });
    for (let i = random.int(1, 3); i > 0; i--) scene.sender({ restartable, readTime: () => 10 });
    for (let j = random.int(1, 2), at = random.int(150, 2_000); j > 0; j--) {
      const back = at + random.int(0, 9_000);
      scene.at(at, () => receiver.crash());
      scene.at(back, () => receiver.restart());
      at = back + random.int(1, 10_000);
    }
    scene.run();
    if (restartable) scene.expect("done");
    else scene.expect("done", "restarted");
  });
});

test("CreditSender succeeds only when every plain receiver that began has everything", () => {
  forSeeds(400, (seed) => {
    const scene = new Scene(seed, { ...rough(seed), loss: 0.05, mostLosses: 1 });
    const { random } = scene;
    for (let i = random.int(2, 4); i > 0; i--) {
      scene.receiver({ handle: () => random.pick([0, 500, 4_000]) });
    }
    const sender = scene.sender();
    scene.run();
    scene.expect("done");
    assert(sender.begun.size > 0);
    for (const { acked } of sender.begun) assert(acked.includes(sender.plan.uploadId));
  });
});

test("CreditSender reaches all plain receivers where nothing is lost", () => {
  forSeeds(200, (seed) => {
    const scene = new Scene(seed, { latency: 100 });
    const { random } = scene;
    for (let i = random.int(2, 4); i > 0; i--) {
      scene.receiver({ handle: () => random.pick([500, 2_000, 60_000]) });
    }
    for (let i = random.int(1, 3); i > 0; i--) scene.sender();
    scene.run();
    scene.expect("done");
    for (const { plan } of scene.senders) {
      for (const { acked } of scene.receivers) assert(acked.includes(plan.uploadId));
    }
  });
});

test("CreditSender names a queue group where chunks go to different receivers", () => {
  let named = 0;
  forSeeds(200, (seed) => {
    const scene = new Scene(seed);
    const { random } = scene;
    scene.broker.isQueueGroup = true;
    for (let i = random.int(2, 4); i > 0; i--) scene.receiver();
    const restartable = random.chance(0.5);
    const sender = scene.sender({ restartable });
    scene.run(600_000);
    scene.expect("done", "queue-group", "restarted", "silent");
    if (sender.outcome === "queue-group") named++;
  });
  assert(named > 100, `${named} of 200 were named`);
});

test("Assembler lets uploads that have stalled give way, and everybody else finish", () => {
  forSeeds(300, (seed) => {
    const scene = new Scene(seed, { latency: 30 });
    const { random } = scene;
    scene.receiver({
      options: { maxUploads: random.int(1, 3), maxBufferedBytes: 1_200 },
      handle: () => random.pick([0, 1_000]),
    });
    for (let i = random.int(1, 3); i > 0; i--) {
      const stalled = scene.sender({ chunks: 12 });
      scene.senders.pop();
      scene.at(random.int(20, 300), () => stalled.stop());
    }
    for (let i = random.int(1, 5); i > 0; i--) {
      const at = random.int(0, 3_000);
      scene.at(at, () => scene.sender());
    }
    scene.at(3_001, () => {});
    scene.world.run(3_001, () => false);
    scene.run();
    scene.expect("done");
  });
});

test("CreditSender begins again where its upload had to give way", () => {
  let restarted = 0;
  forSeeds(200, (seed) => {
    const scene = new Scene(seed, { latency: 30 });
    const { random } = scene;
    const receiver = scene.receiver({ options: { maxUploads: 1 } });
    const restartable = random.chance(0.8);
    const sleeper = scene.sender({ chunks: 12, chunkSize: 100, window: 100, restartable });
    scene.at(random.int(50, 400), () => sleeper.stop());
    scene.at(1_000, () => scene.sender());
    scene.at(random.int(8_000, 20_000), () => sleeper.resume());
    scene.world.run(1_000, () => false);
    scene.run();
    if (receiver.events.some(({ reason }) => reason === "evicted")) restarted++;
    scene.expect("done", ...(restartable ? [] : ["restarted"]));
  });
  assert(restarted > 50, `only ${restarted} gave way`);
});
