/** PROTOCOL 1 and 2: what every chunk repeats, and filenames. */
import {
  accepted,
  chunkOf,
  complete,
  refused,
  SMALL,
  UPLOAD,
  type UploadSpec,
  type Vector,
  wholeUpload,
  withHeader,
} from "../vector.ts";
import { refusedSecond } from "./uploads.ts";

const NAMED: UploadSpec = {
  ...UPLOAD,
  extra: [["X-Filename", "a.bin"], ["X-Content-Type", "text/plain"]],
};
const NAMES = { filename: "a.bin", contentType: "text/plain" };

const conflicts: Vector[] = ([
  ["count", "X-Chunk-Count", "4"],
  ["size", "X-Total-Size", "2501"],
  ["filename", "X-Filename", "A.bin"],
  ["content type", "X-Content-Type", "text/html"],
  ["filename, which is missing,", "X-Filename", undefined],
  ["content type, which is missing,", "X-Content-Type", undefined],
] as const).map(([what, name, value]) => {
  const [first, ...rest] = wholeUpload(NAMED, NAMES);
  const wrong = refused(withHeader(chunkOf(NAMED, 1), name, value), "conflict");
  return { name: `a chunk with another ${what} is refused`, messages: [first!, wrong, ...rest] };
});

conflicts.push(
  refusedSecond(
    "a filename that the first chunk had not is refused",
    withHeader(chunkOf(UPLOAD, 1), "X-Filename", "a.bin"),
    "conflict",
  ),
  {
    name: "own headers are those of the first chunk that was seen, and not compared",
    messages: [
      accepted(withHeader(chunkOf(UPLOAD, 1), "X-Own", "one"), UPLOAD, 1),
      accepted(withHeader(chunkOf(UPLOAD, 0), "X-Own", "zero"), UPLOAD, 0),
      complete(chunkOf(UPLOAD, 2), UPLOAD, { headers: [["X-Own", "one"]] }),
    ],
  },
);

const FILENAMES: [string, string][] = [
  ["in any script", "Überblick – 概要 🙂.bin"],
  ["with blanks inside", "a  b c"],
  ["of 1,024 bytes", "a".repeat(1_020) + ".bin"],
  ["of 1,024 bytes in 512 characters", "ä".repeat(512)],
  ["that leads elsewhere", "../../etc/passwd"],
  ["that is absolute", "/etc/passwd"],
  ["with backslashes", "C:\\Windows\\a.bin"],
  ["that is two dots", ".."],
  ["with a colon", "a: b"],
];

const NO_FILENAMES: [string, string][] = [
  ["of 1,025 bytes", "a".repeat(1_025)],
  ["of 1,026 bytes in 513 characters", "ä".repeat(513)],
  ["with a tab", "a\tb"],
  ["with a control character", "a\u0001b"],
  ["with a zero", "a\u0000b"],
  ["with DEL", "a\u007fb"],
  ["with a control character above ASCII", "a\u0085b"],
];

const filenames: Vector[] = [
  ...FILENAMES.map(([what, filename]) => ({
    name: `a filename ${what} is handed over unaltered`,
    messages: [
      complete(withHeader(chunkOf(SMALL, 0), "X-Filename", filename), SMALL, { filename }),
    ],
  })),
  ...NO_FILENAMES.map(([what, filename]) => ({
    name: `a filename ${what} is refused`,
    messages: [refused(withHeader(chunkOf(SMALL, 0), "X-Filename", filename), "malformed")],
  })),
];

/** The vectors of this file. */
export const metadataVectors: Vector[] = [...conflicts, ...filenames];
