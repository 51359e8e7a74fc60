/**
 * The one assertion of the cells.
 *
 * @module
 */

/** Throws where two values differ, naming all fields of both. */
export function expectSame(found: unknown, wanted: unknown): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (left !== right) throw new Error(`found ${left}\nwanted ${right}`);
}
