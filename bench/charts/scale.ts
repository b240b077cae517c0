/** From values to pixels, and round values to write beside an axis. */

export interface Scale {
  /** The pixel of a value. */
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Linear, over at least [low, high]; ends lie on ticks unless `exact`. */
export function linear(low: number, high: number, from: number, to: number, wanted = 5): Scale {
  const step = roundStep((high - low || Math.abs(high) || 1) / wanted);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  const [a, b] = [ticks[0], ticks[ticks.length - 1]];
  return { at: (value) => from + ((value - a) / (b - a)) * (to - from), ticks };
}

/** Logarithmic over [low, high], both above 0; ticks at 1, 2 and 5. */
export function logarithmic(low: number, high: number, from: number, to: number): Scale {
  const [a, b] = [Math.log(low), Math.log(Math.max(high, low * 1.01))];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const digit of [1, 2, 5]) {
      const tick = Number((digit * 10 ** power).toPrecision(12));
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return { at: (value) => from + ((Math.log(value) - a) / (b - a)) * (to - from), ticks };
}

function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  const digit = [1, 2, 2.5, 5, 10].find((candidate) => candidate * power >= step * 0.999) ?? 10;
  return digit * power;
}

/** A tick as an axis writes it. */
export function tickText(value: number): string {
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  return magnitude >= 1e5 || magnitude < 1e-3 ? value.toExponential(0) : String(Number(value.toPrecision(4)));
}
