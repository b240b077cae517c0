/** Numbers as a report writes them. */

/** About four digits; "–" for what is not there. */
export function digits(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "–";
  const magnitude = Math.abs(value);
  return value.toFixed(magnitude >= 1000 ? 0 : magnitude >= 100 ? 1 : magnitude >= 10 ? 2 : magnitude >= 1 ? 3 : 4);
}

export const percent = (share: number | undefined, decimals = 1): string =>
  share === undefined ? "–" : `${(100 * share).toFixed(decimals)} %`;

export const times = (ratio: number): string => `${ratio.toFixed(2)}×`;

/** A difference of shares, in points, with its sign. */
export const points = (share: number): string => `${share < 0 ? "−" : "+"}${Math.abs(100 * share).toFixed(1)}`;

export const between = (low: number, high: number, decimals = 2): string =>
  `${low.toFixed(decimals)} … ${high.toFixed(decimals)}`;

export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
