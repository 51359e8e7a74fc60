/**
 * Bytes that nobody changes before they are out.
 *
 * @module
 */

const lent = new WeakSet<Uint8Array>();
/** Copying fewer bytes than these costs less than sending them apart. */
const LEAST_BYTES = 65_536;

/**
 * Marks bytes that stay as they are until their message is known to have arrived. A connection that natskit made hands
 * them to the socket as they are; any other one makes a copy first, as it has to for everything else.
 *
 * @returns A view of the same bytes, to be published in their place: the mark is on the view, so that the caller's own
 * array is none the wiser.
 */
export function lend(bytes: Uint8Array): Uint8Array {
  if (bytes.length < LEAST_BYTES) return bytes;
  const view = bytes.subarray();
  lent.add(view);
  return view;
}

/** Whether the bytes may be sent without a copy. */
export function isLent(bytes: Uint8Array): boolean {
  return lent.has(bytes);
}
