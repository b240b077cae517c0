/**
 * Ragged attention and its gradient in float64. Both ask `head` for one text's probabilities in one head.
 * With e_ij = exp(s_ij − max) and Z_i = Σ_k m_k·e_ik:  share_ij = e_ij / Z_i,  p_ij = m_j · share_ij.
 */
import type { NdArray } from "ndarray";
import { nd, type ReferenceCells, type ReferenceHandle, zeros } from "../nd.ts";
import type { AttentionArgs } from "./contract.ts";
import type { AttentionGradientArgs } from "./gradient-contract.ts";

export function attention(args: AttentionArgs<ReferenceHandle>): void {
  const { n, d, h } = args;
  const out = nd(args.out, n, d);
  const importance = args.importance && nd(args.importance, n);
  for (const text of texts(args)) {
    const { start, rows, live } = text;
    for (let j = 0; j < rows; j++) importance?.set(start + j, 0);
    for (let x = 0; x < h; x++) {
      const { value, p } = head(args, text, x);
      for (let i = 0; i < rows; i++) {
        for (let c = 0; c < d / h; c++) {
          let sum = 0;
          for (const j of live) sum += p.get(i, j) * value(j, c);
          out.set(start + i, (x * d) / h + c, sum);
        }
      }
      if (!importance) continue;
      for (const j of live) {
        let received = 0;
        for (const i of live) received += text.mask(i) * p.get(i, j);
        importance.set(start + j, importance.get(start + j) + received / (h * text.queries));
      }
    }
  }
}

// With G_ij = ∂L/∂p_ij and r_i = Σ_j G_ij·p_ij:  ∂L/∂s_ij = p_ij·(G_ij − r_i),  ∂L/∂m_j = Σ_i share_ij·(G_ij − r_i).
export function attentionGradient(args: AttentionGradientArgs<ReferenceHandle>): void {
  const { n, d, h } = args;
  const width = d / h;
  const [dQkv, dOut] = [nd(args.dQkv, n, 3 * d), nd(args.dOut, n, d)];
  const dMask = args.dMask && nd(args.dMask, n);
  const dImportance = args.dImportance && nd(args.dImportance, n);
  for (const text of texts(args)) {
    const { start, rows, live, queries } = text;
    if (live.length === 0) continue; // zeros whatever the rows hold
    for (let x = 0; x < h; x++) {
      const { query, key, value, p, share } = head(args, text, x);
      const received = dImportance ? Array.from({ length: rows }, (_, j) => meanReceived(text, p, j)) : [];
      const grow = (row: number, part: number, c: number, by: number): void => {
        const column = part * d + x * width + c;
        dQkv.set(start + row, column, dQkv.get(start + row, column) + by);
      };
      for (let i = 0; i < rows; i++) {
        const weight = text.mask(i) / (h * queries);
        const slopes = Array.from({ length: rows }, (_, j) => {
          let sum = dImportance && weight !== 0 ? dImportance.get(start + j) * weight : 0;
          for (let c = 0; c < width; c++) sum += dOut.get(start + i, x * width + c) * value(j, c);
          return sum;
        });
        const mean = live.reduce((sum, j) => sum + slopes[j] * p.get(i, j), 0);
        for (const j of live) {
          const dScore = (p.get(i, j) * (slopes[j] - mean)) / Math.sqrt(width);
          for (let c = 0; c < width; c++) {
            grow(i, 0, c, dScore * key(j, c));
            grow(j, 1, c, dScore * query(i, c));
            grow(j, 2, c, p.get(i, j) * dOut.get(start + i, x * width + c));
          }
        }
        if (!dMask) continue;
        for (let j = 0; j < rows; j++) {
          dMask.set(start + j, dMask.get(start + j) + share.get(i, j) * (slopes[j] - mean));
        }
        // importance is a mean over live queries: a heavier query i pulls it towards what i attends to
        for (const j of dImportance ? live : []) {
          const pull = (dImportance?.get(start + j) ?? 0) * (p.get(i, j) - received[j]);
          dMask.set(start + i, dMask.get(start + i) + pull / (h * queries));
        }
      }
    }
  }
}

interface Text {
  start: number;
  rows: number;
  mask: (row: number) => number;
  /** Rows that are there: those whose mask is not 0. */
  live: number[];
  /** Σ mask. */
  queries: number;
}
interface Head {
  query: (row: number, c: number) => number;
  key: (row: number, c: number) => number;
  value: (row: number, c: number) => number;
  p: NdArray<ReferenceCells>;
  share: NdArray<ReferenceCells>;
}
type Inputs = Pick<AttentionArgs<ReferenceHandle>, "qkv" | "starts" | "mask" | "n" | "d" | "h" | "texts">;

function texts(args: Inputs): Text[] {
  const starts = nd(args.starts, args.texts + 1);
  const masks = args.mask && nd(args.mask, args.n);
  return Array.from({ length: args.texts }, (_, t) => {
    const start = starts.get(t);
    const rows = starts.get(t + 1) - start;
    const mask = (row: number): number => (masks ? masks.get(start + row) : 1);
    const live = Array.from({ length: rows }, (_, row) => row).filter((row) => mask(row) !== 0);
    return { start, rows, mask, live, queries: live.reduce((sum, row) => sum + mask(row), 0) };
  });
}

function head({ qkv, n, d, h }: Inputs, { start, rows, mask, live }: Text, x: number): Head {
  const width = d / h;
  const all = nd(qkv, n, 3 * d);
  const part = (which: number) => (row: number, c: number) => all.get(start + row, which * d + x * width + c);
  const [query, key, value] = [part(0), part(1), part(2)];
  const [p, share] = [zeros(rows, rows), zeros(rows, rows)];
  for (let i = 0; live.length > 0 && i < rows; i++) {
    const scores = Array.from({ length: rows }, (_, j) => {
      let sum = 0;
      for (let c = 0; c < width; c++) sum += query(i, c) * key(j, c);
      return sum / Math.sqrt(width);
    });
    const max = live.reduce((most, j) => Math.max(most, scores[j]), Number.NEGATIVE_INFINITY);
    const total = live.reduce((sum, j) => sum + mask(j) * Math.exp(scores[j] - max), 0);
    for (let j = 0; j < rows; j++) {
      const unmasked = Math.exp(scores[j] - max) / total;
      p.set(i, j, mask(j) === 0 ? 0 : mask(j) * unmasked);
      share.set(i, j, mask(j) === 0 ? 1 / (1 + 1 / unmasked) : unmasked);
    }
  }
  return { query, key, value, p, share };
}

function meanReceived({ live, mask, queries }: Text, p: NdArray<ReferenceCells>, j: number): number {
  return live.reduce((sum, i) => sum + mask(i) * p.get(i, j), 0) / queries;
}
