/**
 * A bar of text.
 *
 * @module
 */

const WIDTH = 30;

/**
 * Draws a bar.
 *
 * @param done What is done, of `total`.
 * @param total All that there is to do.
 * @param width Characters between the brackets.
 */
export function bar(done: number, total: number, width: number = WIDTH): string {
  const part = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.floor(part * width);
  const percent = String(Math.floor(part * 100)).padStart(3);
  return `[${"#".repeat(filled)}${" ".repeat(width - filled)}] ${percent} %`;
}
