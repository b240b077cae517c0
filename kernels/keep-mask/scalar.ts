/** The straight-through skim mask and its gradient by plain loops. The decision is taken in float64. */
import type { ScalarHandle } from "../scalar-handle.ts";
import type { KeepMaskArgs, KeepMaskGradientArgs } from "./contract.ts";

export function keepMask(args: KeepMaskArgs<ScalarHandle>): void {
  const { n, texts, threshold } = args;
  const [out, logits, previous, starts] = [args.out.data, args.logits.data, args.previous.data, args.starts.data];
  const noise = args.noise?.data;
  for (let i = 0; i < n; i++) {
    const z = logits[2 * i + 1] - logits[2 * i] + (noise ? noise[i] : 0) - threshold;
    out[i] = z > 0 ? previous[i] : 0;
  }
  for (let t = 0; t < texts; t++) if (starts[t] < starts[t + 1]) out[starts[t]] = previous[starts[t]];
}

export function keepMaskGradient(args: KeepMaskGradientArgs<ScalarHandle>): void {
  const { texts, threshold, temperature } = args;
  const [dLogits, dPrevious, dOut] = [args.dLogits.data, args.dPrevious.data, args.dOut.data];
  const [logits, previous, starts] = [args.logits.data, args.previous.data, args.starts.data];
  const noise = args.noise?.data;
  for (let t = 0; t < texts; t++) {
    const first = starts[t];
    if (first < starts[t + 1]) dPrevious[first] += dOut[first];
    for (let i = first + 1; i < starts[t + 1]; i++) {
      const z = logits[2 * i + 1] - logits[2 * i] + (noise ? noise[i] : 0) - threshold;
      if (z > 0) dPrevious[i] += dOut[i];
      const sigmoid = 1 / (1 + Math.exp(-z / temperature));
      const g = (dOut[i] * previous[i] * sigmoid * (1 - sigmoid)) / temperature;
      dLogits[2 * i] -= g;
      dLogits[2 * i + 1] += g;
    }
  }
}
