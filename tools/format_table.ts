/**
 * Tables in plain text.
 *
 * @module
 */

/**
 * Writes rows in columns: the first column to the left, all others to the right, with a rule below the first row.
 *
 * @param rows The cells; the first row is the head. All rows have as many cells as it.
 * @returns Lines, without a line break at the end.
 */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length))
  );
  const lines = rows.map((row) =>
    widths.map((width, column) => {
      const cell = row[column] ?? "";
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ").trimEnd()
  );
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [...lines.slice(0, 1), rule, ...lines.slice(1)].join("\n");
}
