/**
 * Chunked uploads between natskit and version-1 peers: both directions, both deliveries, payload by payload.
 *
 * @module
 */
import type { Runtime } from "../../runtime_command.ts";
import type { Cell, CellTable } from "../cell.ts";
import { expectSame } from "../expect_same.ts";
import type { Language } from "../languages.ts";
import type { NatskitReceived, NatskitSent } from "../natskit_peer.ts";
import { peerArguments, type PeerLine, type PeerUpload } from "../peers.ts";
import type { Delivery, InteropSetting } from "../setting.ts";

/** A payload and how it is cut; sizes in bytes. */
interface Load {
  name: string;
  size: number;
  chunkSize: number;
}

const LOADS: readonly Load[] = [
  { name: "0 B", size: 0, chunkSize: 100_000 },
  { name: "1 B", size: 1, chunkSize: 100_000 },
  { name: "a chunk - 1", size: 99_999, chunkSize: 100_000 },
  { name: "a chunk", size: 100_000, chunkSize: 100_000 },
  { name: "3 chunks + 1", size: 300_001, chunkSize: 100_000 },
  { name: "20 MB", size: 20_000_000, chunkSize: 2_000_000 },
];

/** What other runtimes than the first are tried with. */
const FEW_LOADS: readonly Load[] = LOADS.filter(({ name }) => name === "3 chunks + 1");

const DELIVERIES: readonly Delivery[] = ["core", "jetstream"];
const FILENAME = "Überblick – 概要.bin";
const CONTENT_TYPE = "application/x-interop";

/** Every way to write one id that a sender may choose. */
const SPELLINGS: readonly ((id: string) => string)[] = [
  (id) => id.toUpperCase(),
  (id) => id.replaceAll("-", ""),
  (id) => `{${id}}`,
  (id) => `urn:uuid:${id}`,
  (id) => id,
];

let seeds = 0;

/** What a version-1 receiver says of an upload; an empty one it refuses (PROTOCOL 1). */
function wantedLine(load: Load, { uploadId, sha256 }: NatskitSent): PeerLine {
  if (load.size === 0) return { uploadId, refused: "total size 0" };
  return {
    uploadId,
    sha256,
    size: load.size,
    chunks: Math.ceil(load.size / load.chunkSize),
    filename: FILENAME,
    contentType: CONTENT_TYPE,
  };
}

/** Picks the fields of `wanted`, in its order. */
function pick(line: PeerLine, wanted: PeerLine): PeerLine {
  const names = Object.keys(line).length === Object.keys(wanted).length
    ? Object.keys(wanted)
    : Object.keys(line);
  return Object.fromEntries(names.map((name) => [name, line[name]]));
}

/** natskit sends, a peer receives. */
async function natskitToPeer(
  setting: InteropSetting,
  { runtime, language, delivery }: Pair,
  load: Load,
  layout?: "per-chunk",
): Promise<void> {
  await using place = await setting.openSubject(delivery);
  const { subject, stream } = place;
  const filter = layout === undefined ? subject : `${subject}.>`;
  const flags = peerArguments("receive", { url: setting.url, subject: filter, delivery, stream });
  await using peer = setting.start(language, flags);
  expectSame(await peer.next(), { ready: true });
  const { size, chunkSize } = load;
  const sent = await setting.natskit(runtime).call<NatskitSent>("send", {
    subject,
    delivery,
    size,
    seed: ++seeds,
    options: {
      chunkSize,
      filename: FILENAME,
      contentType: CONTENT_TYPE,
      ...(delivery === "core" && { delivery: "unconfirmed" }),
      ...(layout !== undefined && { layout }),
    },
  });
  expectSame(sent.confirmed, delivery === "jetstream");
  const wanted = wantedLine(load, sent);
  expectSame(pick(await peer.next(), wanted), wanted);
}

/** How an upload differs from the plain ones: in what its sender does, or in its stream. */
interface Extras extends Partial<PeerUpload> {
  retention?: "workqueue" | "interest";
}

/** Which of natskit's receivers: `assembleChunks` or `receiveChunked`. */
type Receiver = "assemble" | "receive";

const RECEIVERS: Readonly<Record<Receiver, string>> = {
  assemble: "assembleChunks",
  receive: "receiveChunked",
};

/** A peer sends, natskit receives. */
async function peerToNatskit(
  setting: InteropSetting,
  { runtime, language, delivery }: Pair,
  receiver: Receiver,
  load: Load,
  { retention, ...extras }: Extras = {},
): Promise<void> {
  await using place = await setting.openSubject(delivery, retention);
  const { subject, stream } = place;
  const { size, chunkSize } = load;
  const seed = ++seeds;
  const uploadId = crypto.randomUUID();
  const ready = Promise.withResolvers<unknown>();
  const receiving = setting.natskit(runtime)
    .call<NatskitReceived>(receiver, { subject, delivery, stream }, ready.resolve);
  receiving.catch(ready.reject);
  await ready.promise;

  const upload: PeerUpload = {
    url: setting.url,
    subject,
    delivery,
    size,
    seed,
    chunkSize,
    uploadId: SPELLINGS[seed % SPELLINGS.length]!(uploadId),
    filename: FILENAME,
    contentType: CONTENT_TYPE,
    ...extras,
  };
  await using peer = setting.start(language, peerArguments("send", upload));
  const { sha256, size: sentSize, chunks } = await peer.next();
  expectSame([sentSize, chunks], [size, Math.max(1, Math.ceil(size / chunkSize))]);
  const wanted = { uploadId, size, sha256, filename: FILENAME, contentType: CONTENT_TYPE };
  expectSame(await receiving, { ...wanted, rejected: [] });
}

/** Over core NATS a receiver without credit is an error that names the way out (PROTOCOL 4). */
async function confirmedToPeer(
  setting: InteropSetting,
  { runtime, language }: Pick<Pair, "runtime" | "language">,
): Promise<void> {
  await using place = await setting.openSubject("core");
  const { subject } = place;
  const flags = peerArguments("receive", { url: setting.url, subject, delivery: "core" });
  await using peer = setting.start(language, flags);
  expectSame(await peer.next(), { ready: true });
  const upload = { subject, delivery: "core", size: 5, seed: 1, options: { timeout: 2_500 } };
  const failure = await setting.natskit(runtime).call("send", upload)
    .then(() => "none", (error: Error) => error.message);
  const words = ["ChunkedPublishError", "ReceiverError", '"unconfirmed"'];
  expectSame(words.filter((word) => !failure.includes(word)).map((word) => [word, failure]), []);
}

/** Who talks to whom. */
interface Pair {
  runtime: Runtime;
  language: Language;
  delivery: Delivery;
}

function pairs({ languages }: InteropSetting, runtime: Runtime): Pair[] {
  return languages.flatMap((language) =>
    DELIVERIES.map((delivery) => ({ runtime, language, delivery }))
  );
}

function rowFrom({ language, delivery }: Pair, receiver: Receiver): string {
  return `${language} to ${RECEIVERS[receiver]}, ${delivery}`;
}

function matrix(setting: InteropSetting, runtime: Runtime, loads: readonly Load[]): CellTable {
  const cells = pairs(setting, runtime).flatMap((pair) => {
    const { language, delivery } = pair;
    const to = (load: Load): Cell => ({
      row: `publishChunked to ${language}, ${delivery}`,
      column: load.name,
      run: () => natskitToPeer(setting, pair, load),
    });
    const from = (receiver: Receiver, load: Load): Cell => ({
      row: rowFrom(pair, receiver),
      column: load.name,
      run: () => peerToNatskit(setting, pair, receiver, load),
    });
    const receivers = Object.keys(RECEIVERS) as Receiver[];
    const all = receivers.flatMap((receiver) => loads.map((load) => from(receiver, load)));
    return [...loads.map(to), ...all];
  });
  return { title: `Chunked uploads, natskit on ${runtime}`, cells };
}

/** What a sender may do, and what a receiver may not do. */
function oddities(setting: InteropSetting, runtime: Runtime): CellTable {
  const [load] = FEW_LOADS;
  const cells = pairs(setting, runtime).flatMap((pair): Cell[] => {
    const { language, delivery } = pair;
    const receivers = Object.keys(RECEIVERS) as Receiver[];
    const odd = (column: string, extras: Extras): Cell[] =>
      receivers.map((receiver) => ({
        row: rowFrom(pair, receiver),
        column,
        run: () => peerToNatskit(setting, pair, receiver, load!, extras),
      }));
    // The Python client has each header once.
    const cells = odd("each chunk and header twice", {
      twice: true,
      repeatHeaders: language !== "python",
    });
    if (delivery === "jetstream") {
      // Chunk 0 comes first there (PROTOCOL 3).
      return [
        ...cells,
        ...odd("work queue", { retention: "workqueue" }),
        ...odd("interest", { retention: "interest" }),
        {
          row: `publishChunked to ${language}, jetstream`,
          column: "a subject per chunk",
          run: () => natskitToPeer(setting, pair, load!, "per-chunk"),
        },
      ];
    }
    return [
      ...cells,
      ...odd("backwards", { backwards: true }),
      {
        row: `publishChunked to ${language}, core`,
        column: "confirmed is refused",
        run: () => confirmedToPeer(setting, pair),
      },
    ];
  });
  return { title: `Oddities, natskit on ${runtime}`, cells };
}

/** The tables of chunked uploads. */
export function chunkedTables(setting: InteropSetting): CellTable[] {
  const [first, ...others] = setting.runtimes;
  return [
    matrix(setting, first!, LOADS),
    oddities(setting, first!),
    ...others.map((runtime) => matrix(setting, runtime, FEW_LOADS)),
  ];
}
