/**
 * The gradient of ragged attention in WebAssembly SIMD: probabilities are computed again, a block of queries at a time.
 *
 * With G_ij = ∂L/∂p_ij and r_i = Σ_j G_ij·p_ij:  ∂L/∂s_ij = p_ij·(G_ij − r_i),  ∂L/∂m_j = Σ_i p_ij/m_j·(G_ij − r_i).
 * Importance adds to G_ij, and, being a mean weighted by m_i, to ∂L/∂m_i directly.
 */
import { mapRow, sumRow } from "../assembler/elementwise.ts";
import { floatBits, type Machine, roundUp, type WasmHandle } from "../assembler/machine.ts";
import type { VectorMath } from "../assembler/math.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32, f32x4, i32, v128 } from "../assembler/values.ts";
import type { AttentionGradientArgs } from "./gradient-contract.ts";
import { longestText } from "./wasm.ts";

/** Queries whose scores and slopes are held at a time. */
const queriesAtOnce = 60;

/** Addresses of a head's first query, key and value of a text. */
interface Head {
  readonly query: number;
  readonly key: number;
  readonly value: number;
}

/** The head's part of rows [from, …) of qkv; also of dQkv, which has the same shape. */
function headOf(qkv: WasmHandle, from: number, head: number, d: number, width: number): Head {
  const query = qkv.address + 4 * (from * 3 * d + head * width);
  return { query, key: query + 4 * d, value: query + 8 * d };
}

function sum(values: Float32Array | Int32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/**
 * attentionSlopeRows turns rows of G, in place, into rows of scale · ∂L/∂s. `p` and `share` (p/m, 0: none wanted) are rows as
 * softmax left them. With dImportance (0: none): G_ij += dImportance_j · weight · m_i, and pulls_i = Σ_j dImportance_j · p_ij.
 */
export function defineAttentionGradient(module: ModuleBuilder, math: VectorMath): void {
  const parameters = [
    ...(["slopes", "p", "share", "stride", "rows", "count", "scale"] as const),
    ...(["dImportance", "weight", "mask", "pulls", "dMask"] as const),
  ] as const;
  module.function("attentionSlopeRows", parameters, (f, slopes, p, share, stride, rows, count, scale, ...rest) => {
    const [dImportance, weight, mask, pulls, dMask] = rest;
    const factor = f.v128(f32x4.splat(f32.fromBits(scale)));
    const query = f.v128();
    f.while(rows, () => {
      f.if(dImportance, () => {
        f.set(query, f32x4.splat(f32.fromBits(weight)));
        f.if(mask, () => {
          f.set(query, f32x4.mul(query, v128.loadSplat(mask)));
          f.advance(mask, 4);
        });
        const pull = sumRow(f, module, count, [dImportance, p], ([slope, value]) => f32x4.mul(slope, value));
        f.storeFloat(pulls, 0, pull);
        f.advance(pulls, 4);
        mapRow(f, module, slopes, count, [slopes, dImportance], ([slope, more]) => math.madd(more, query, slope));
      });
      const along = sumRow(f, module, count, [slopes, p], ([slope, value]) => f32x4.mul(slope, value));
      const mean = f.v128(f32x4.splat(along));
      f.if(share, () => {
        mapRow(f, module, dMask, count, [dMask, share, slopes], ([sum, part, slope]) =>
          math.madd(part, f32x4.sub(slope, mean), sum),
        );
        f.advance(share, stride);
      });
      mapRow(f, module, slopes, count, [slopes, p], ([slope, value]) =>
        f32x4.mul(f32x4.mul(value, f32x4.sub(slope, mean)), factor),
      );
      f.advance(slopes, stride);
      f.advance(p, stride);
      f.setInt(rows, i32.sub(rows, 1));
    });
  });
}

export const attentionGradient =
  (machine: Machine) =>
  (args: AttentionGradientArgs<WasmHandle>): void => {
    const { dQkv, dMask, qkv, starts, mask, dOut, dImportance, d, h, texts } = args;
    const { call, panelWidth, zeros } = machine;
    const width = d / h;
    const longest = longestText(starts.data, texts);
    const stride = 4 * roundUp(longest, 4);
    const packedBytes = 4 * width * roundUp(longest, panelWidth);
    const block = stride * queriesAtOnce;
    const keys = machine.workspace(2 * packedBytes + 3 * block + stride);
    const values = keys + packedBytes;
    const p = values + packedBytes;
    const share = p + block;
    const slopes = share + block;
    const pulls = slopes + block;
    const scale = floatBits(1 / Math.sqrt(width));
    const bounds = starts.data; // after the workspace, which may have moved every view
    const panel = 4 * panelWidth;
    const apart = 12 * d;

    for (let t = 0; t < texts; t++) {
      const from = bounds[t];
      const rows = bounds[t + 1] - from;
      const live = mask ? sum(mask.data.subarray(from, from + rows)) : rows;
      if (live === 0) continue; // no row attends to anything, whatever the rows hold
      const masks = mask ? mask.address + 4 * from : 0;
      // Without a mask every m is 1, and p is its own share.
      const shares = dMask ? (mask ? share : p) : 0;
      const dMasks = dMask ? dMask.address + 4 * from : 0;
      const dImportances = dImportance ? dImportance.address + 4 * from : 0;
      const weight = 1 / (h * live);
      for (let head = 0; head < h; head++) {
        const source = headOf(qkv, from, head, d, width);
        const target = headOf(dQkv, from, head, d, width);
        call.packTransposed(keys, panel * width, source.key, apart, width, rows);
        call.packTransposed(values, panel * width, source.value, apart, width, rows);
        for (let first = 0; first < rows; first += queriesAtOnce) {
          const taken = Math.min(queriesAtOnce, rows - first);
          const query = source.query + apart * first;
          const dQuery = target.query + apart * first;
          const dHead = dOut.address + 4 * ((from + first) * d + head * width);
          const packed = [panel, panel * width, 0, zeros, 0, 0, taken, rows, width];
          call.gemm(p, stride, query, apart, 4, keys, ...packed);
          if (mask) call.maskedSoftmaxRows(p, p, stride, taken, rows, scale, masks, shares);
          else call.softmaxRows(p, p, stride, taken, rows, scale);
          call.gemm(slopes, stride, dHead, 4 * d, 4, values, ...packed);
          const fromImportance = [dImportances, floatBits(weight), mask ? masks + 4 * first : 0, pulls + 4 * first];
          call.attentionSlopeRows(slopes, p, shares, stride, taken, rows, scale, ...fromImportance, dMasks);
          // dV += pᵀ · dOut,  dQ += ∂s · K,  dK += ∂sᵀ · Q
          const down = [rows, width, taken];
          const across = [taken, width, rows];
          call.gemm(target.value, apart, p, 4, stride, dHead, 4 * d, panel, 0, target.value, apart, 4, ...down);
          call.gemm(dQuery, apart, slopes, stride, 4, source.key, apart, panel, 0, dQuery, apart, 4, ...across);
          call.gemm(target.key, apart, slopes, 4, stride, query, apart, panel, 0, target.key, apart, 4, ...down);
        }
        if (!dImportance || !dMask) continue;
        const pulled = machine.floats(pulls, rows);
        const gradient = machine.floats(dMasks, rows);
        const mean = pulled.reduce((total, pull, i) => total + pull * (mask ? mask.data[from + i] : 1), 0) / live;
        for (let i = 0; i < rows; i++) gradient[i] += (pulled[i] - mean) * weight;
      }
    }
  };
