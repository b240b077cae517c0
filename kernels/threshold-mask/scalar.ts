/** The gate on received attention and its gradient by plain loops. Gates are computed and θ's gradient is summed in float64. */
import type { ScalarHandle } from "../scalar-handle.ts";
import { leastMask, type ThresholdMaskArgs, type ThresholdMaskGradientArgs } from "./contract.ts";

export function thresholdMask(args: ThresholdMaskArgs<ScalarHandle>): void {
  const { n, texts, temperature } = args;
  const [out, importance, previous, starts] = [
    args.out.data,
    args.importance.data,
    args.previous.data,
    args.starts.data,
  ];
  const threshold = args.threshold.data[0];
  for (let i = 0; i < n; i++) out[i] = cut(previous[i] * gate(importance[i] - threshold, temperature));
  for (let t = 0; t < texts; t++) if (starts[t] < starts[t + 1]) out[starts[t]] = previous[starts[t]];
}

export function thresholdMaskGradient(args: ThresholdMaskGradientArgs<ScalarHandle>): void {
  const { texts, temperature } = args;
  const [dImportance, dThreshold, dPrevious] = [args.dImportance.data, args.dThreshold.data, args.dPrevious.data];
  const [importance, previous, starts, dOut] = [
    args.importance.data,
    args.previous.data,
    args.starts.data,
    args.dOut.data,
  ];
  const threshold = args.threshold.data[0];
  let sum = 0;
  for (let t = 0; t < texts; t++) {
    const first = starts[t];
    if (first < starts[t + 1]) dPrevious[first] += dOut[first];
    for (let i = first + 1; i < starts[t + 1]; i++) {
      const value = gate(importance[i] - threshold, temperature);
      dPrevious[i] += dOut[i] * value;
      const slope = temperature === 0 ? 0 : (value * (1 - value)) / temperature;
      // The step has no slope at all: 0 · NaN would make one.
      if (slope === 0) continue;
      const g = cut(dOut[i] * previous[i] * slope);
      dImportance[i] += g;
      sum += g;
    }
  }
  dThreshold[0] -= sum;
}

/** NaN stays. */
const cut = (value: number): number => (Math.abs(value) < leastMask ? 0 : value);

function gate(z: number, temperature: number): number {
  if (temperature === 0) return z <= 0 ? 0 : 1;
  return 1 / (1 + Math.exp(-z / temperature));
}
