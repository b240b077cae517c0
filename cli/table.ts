/** Columns of text for people: the first to the left, numbers to the right. */

export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join("  ")
      .trimEnd(),
  );
}

/** A number with as many decimals as it is worth: about four digits. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  return value.toFixed(magnitude >= 1000 ? 0 : magnitude >= 100 ? 1 : magnitude >= 10 ? 2 : magnitude >= 1 ? 3 : 4);
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export const times = (ratio: number): string => `${ratio.toFixed(2)}×`;
