/**
 * The test vectors of chunked uploads, run by the peers.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { CellTable } from "../cell.ts";
import { expectSame } from "../expect_same.ts";
import type { Language } from "../languages.ts";
import { peerArguments } from "../peers.ts";
import type { InteropSetting } from "../setting.ts";

const VECTORS = fileURLToPath(
  new URL("../../../tests/interop/vectors/chunked.json", import.meta.url),
);

/** A peer's receiver does what the test vectors say, as far as version 1 goes. */
async function vectorsInPeer(setting: InteropSetting, language: Language): Promise<void> {
  await using peer = setting.start(language, peerArguments("vectors", { file: VECTORS }));
  const { vectors, messages, differences } = await peer.next();
  expectSame(differences, []);
  if (!(Number(vectors) > 100)) throw new Error(`only ${vectors} vectors, ${messages} messages`);
}

/** The test vectors in other languages than natskit's. */
export function vectorTables(setting: InteropSetting): CellTable[] {
  const cells = setting.languages.map((language) => ({
    row: language,
    column: "version 1",
    run: () => vectorsInPeer(setting, language),
  }));
  return [{ title: "Test vectors", cells }];
}
