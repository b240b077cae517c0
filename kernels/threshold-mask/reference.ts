/** The gate on received attention and its gradient in float64. */
import { nd, type ReferenceHandle } from "../nd.ts";
import type { ThresholdMaskArgs, ThresholdMaskGradientArgs } from "./contract.ts";

export function thresholdMask(args: ThresholdMaskArgs<ReferenceHandle>): void {
  const { n } = args;
  const [out, previous] = [nd(args.out, n), nd(args.previous, n)];
  const first = firstRows(args);
  const gate = gates(args);
  for (let i = 0; i < n; i++) out.set(i, first.has(i) ? previous.get(i) : previous.get(i) * gate(i).value);
}

export function thresholdMaskGradient(args: ThresholdMaskGradientArgs<ReferenceHandle>): void {
  const { n } = args;
  const [dOut, previous, dPrevious] = [nd(args.dOut, n), nd(args.previous, n), nd(args.dPrevious, n)];
  const [dImportance, dThreshold] = [nd(args.dImportance, n), nd(args.dThreshold, 1)];
  const first = firstRows(args);
  const gate = gates(args);
  for (let i = 0; i < n; i++) {
    const { value, slope } = first.has(i) ? { value: 1, slope: 0 } : gate(i);
    dPrevious.set(i, dPrevious.get(i) + dOut.get(i) * value);
    // [CLS] and the step have no slope at all: 0 · NaN would make one.
    if (slope === 0) continue;
    const g = dOut.get(i) * previous.get(i) * slope;
    dImportance.set(i, dImportance.get(i) + g);
    dThreshold.set(0, dThreshold.get(0) - g);
  }
}

type Gated = Pick<
  ThresholdMaskArgs<ReferenceHandle>,
  "importance" | "threshold" | "temperature" | "starts" | "n" | "texts"
>;

function gates({ importance, threshold, temperature, n }: Gated): (row: number) => { value: number; slope: number } {
  const received = nd(importance, n);
  const least = nd(threshold, 1).get(0);
  return (i) => {
    const z = received.get(i) - least;
    if (temperature === 0) return { value: z <= 0 ? 0 : 1, slope: 0 };
    const value = 1 / (1 + Math.exp(-z / temperature));
    return { value, slope: (value * (1 - value)) / temperature };
  };
}

/** The [CLS] rows: the first row of every text that has one. */
function firstRows({ starts, texts }: Gated): Set<number> {
  const start = nd(starts, texts + 1);
  const rows = new Set<number>();
  for (let t = 0; t < texts; t++) if (start.get(t) < start.get(t + 1)) rows.add(start.get(t));
  return rows;
}
