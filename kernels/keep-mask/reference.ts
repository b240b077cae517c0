/** The straight-through skim mask and its gradient in float64. */
import { nd, type ReferenceHandle } from "../nd.ts";
import type { KeepMaskArgs, KeepMaskGradientArgs } from "./contract.ts";

export function keepMask(args: KeepMaskArgs<ReferenceHandle>): void {
  const [out, previous] = [nd(args.out, args.n), nd(args.previous, args.n)];
  const first = firstRows(args);
  const z = decision(args);
  for (let i = 0; i < args.n; i++) out.set(i, first.has(i) || z(i) > 0 ? previous.get(i) : 0);
}

export function keepMaskGradient(args: KeepMaskGradientArgs<ReferenceHandle>): void {
  const { n, temperature } = args;
  const [dOut, previous, dPrevious] = [nd(args.dOut, n), nd(args.previous, n), nd(args.dPrevious, n)];
  const dLogits = nd(args.dLogits, n, 2);
  const first = firstRows(args);
  const z = decision(args);
  for (let i = 0; i < n; i++) {
    if (first.has(i) || z(i) > 0) dPrevious.set(i, dPrevious.get(i) + dOut.get(i));
    if (first.has(i)) continue;
    const sigmoid = 1 / (1 + Math.exp(-z(i) / temperature));
    const g = (dOut.get(i) * previous.get(i) * sigmoid * (1 - sigmoid)) / temperature;
    dLogits.set(i, 0, dLogits.get(i, 0) - g);
    dLogits.set(i, 1, dLogits.get(i, 1) + g);
  }
}

type Decision = Pick<KeepMaskArgs<ReferenceHandle>, "logits" | "noise" | "threshold" | "starts" | "n" | "texts">;

function decision({ logits, noise, threshold, n }: Decision): (row: number) => number {
  const pair = nd(logits, n, 2);
  return (i) => pair.get(i, 1) - pair.get(i, 0) + (noise ? nd(noise, n).get(i) : 0) - threshold;
}

/** The [CLS] rows: the first row of every text that has one. */
function firstRows({ starts, texts }: Decision): Set<number> {
  const start = nd(starts, texts + 1);
  const rows = new Set<number>();
  for (let t = 0; t < texts; t++) if (start.get(t) < start.get(t + 1)) rows.add(start.get(t));
  return rows;
}
