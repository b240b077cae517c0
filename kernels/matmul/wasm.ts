/**
 * Linear layers in WebAssembly SIMD: the product with bias, activation and residual, its two gradients, and the packing of
 * weights as assembler/packed.ts lays them out, the last panel padded with zeros. The product itself is product.ts.
 */
import type { View } from "../../engine/view.ts";
import type { Copies } from "../assembler/copy.ts";
import { arrangedBytes } from "../assembler/far.ts";
import { addressOf, type Machine, roundUp, type WasmHandle } from "../assembler/machine.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { packedLayout } from "../assembler/packed.ts";
import { i32 } from "../assembler/values.ts";
import type { MatmulArgs } from "./contract.ts";
import type { MatmulInputGradientArgs, MatmulWeightGradientArgs } from "./gradient-contract.ts";
import { activationCode, gridOf } from "./product.ts";

/** packTransposed(to, panelBytes, from, fromStride, depth, columns): panels, `panelBytes` apart, of the matrix whose column j is from's row j. */
export function definePacking(module: ModuleBuilder, width: number, copies: Copies): void {
  const parameters = ["to", "panelBytes", "from", "fromStride", "depth", "columns"] as const;
  module.function("packTransposed", parameters, (f, to, panelBytes, from, fromStride, depth, columns) => {
    const column = f.i32();
    f.for(column, 0, columns, width, () => {
      const taken = i32.select(i32.ltU(i32.sub(columns, column), width), i32.sub(columns, column), width);
      f.call(copies.transpose, to, 4 * width, from, fromStride, depth, taken);
      f.advance(to, panelBytes);
      f.advance(from, i32.mul(fromStride, width));
    });
  });
}

/** Packs `matrix` [k, m] into `target`, which starts zeroed and has packedLayout's length; any strides. */
export function packWeights(target: Float32Array, matrix: View<Float32Array | Float64Array>, width: number): void {
  const [k, m] = matrix.shape;
  const [down, across] = matrix.stride;
  const { data, offset } = matrix;
  const { depth, panelBytes, blockBytes } = packedLayout(k, m, width);
  for (let p = 0; p < k; p++) {
    const block = Math.floor(p / depth);
    for (let first = 0; first < m; first += width) {
      const columns = Math.min(width, m - first);
      let from = offset + p * down + first * across;
      const to = (block * blockBytes + (first / width) * panelBytes) / 4 + (p - block * depth) * width;
      for (let j = 0; j < columns; j++, from += across) target[to + j] = data[from];
    }
  }
}

/** The same of [k, m] whose columns lie as rows, `fromStride` bytes apart, in WebAssembly memory. */
export function packRows(machine: Machine, to: number, from: number, fromStride: number, k: number, m: number): void {
  const { depth, blocks, panelBytes, blockBytes } = packedLayout(k, m, machine.panelWidth);
  for (let block = 0; block < blocks; block++) {
    const first = block * depth;
    const source = from + 4 * first;
    const taken = Math.min(depth, k - first);
    machine.call.packTransposed(to + block * blockBytes, panelBytes, source, fromStride, taken, m);
  }
}

export const matmul =
  (machine: Machine) =>
  ({ out, a, weights, bias, residual, activation, n, k, m }: MatmulArgs<WasmHandle>): void => {
    if (n * m === 0) return;
    const { rowsPerChunk, columnsPerChunk, chunks, arranges } = gridOf({ n, k, m }, machine.threads);
    const start = bias ? bias.address : machine.zeros;
    const stride = bias ? 4 : 0;
    const after = addressOf(residual);
    const kind = activation ? activationCode[activation] : 0;
    const [to, from, by] = [out.address, a.address, weights.address];
    const { depth, blocks, panelBytes, blockBytes } = packedLayout(k, m, machine.panelWidth);
    const isArranged = arranges && blocks > 1;
    const ofBlock = roundUp(arrangedBytes(Math.min(n, rowsPerChunk)), 64);
    if (machine.threads === 1 || chunks === 1) {
      // Most products of a short text: no list of arguments is made for them.
      const { arrange, product } = machine.call;
      const arranged = isArranged ? machine.workspace(blocks * ofBlock) : 0;
      for (let chunk = 0; chunk < chunks; chunk++) {
        const row = chunk * rowsPerChunk;
        if (isArranged)
          arrange(arranged, from + 4 * row * k, n - row, k, depth, blocks, ofBlock, rowsPerChunk, 0, blocks);
        // biome-ignore format: one line a part
        product(
          to, from, by, start, stride, after, kind,
          n, k, m, panelBytes, blockBytes, arranged, arranged && ofBlock, 0,
          rowsPerChunk, columnsPerChunk, chunk, chunk + 1,
        );
      }
      return;
    }
    const ready = [0, 0, 0];
    if (isArranged) {
      const parts = Math.ceil(n / rowsPerChunk) * blocks;
      const arranged = machine.workspace(roundUp(Math.ceil((parts * ofBlock) / machine.threads), 64));
      machine.run("arrange", [arranged, from, n, k, depth, blocks, ofBlock, rowsPerChunk], parts);
      ready.splice(0, 3, arranged, ofBlock, blocks * ofBlock);
    }
    const sizes = [n, k, m, panelBytes, blockBytes, ...ready, rowsPerChunk, columnsPerChunk];
    const args = [to, from, by, start, stride, after, kind, ...sizes];
    machine.run("product", args, chunks);
  };

export const matmulInputGradient =
  (machine: Machine) =>
  ({ dInput, dOut, weights, n, k, m }: MatmulInputGradientArgs<WasmHandle>): void => {
    const c = [dInput.address, 4 * k];
    machine.call.gemm(
      ...c,
      dOut.address,
      4 * m,
      4,
      weights.address,
      4 * k,
      4 * machine.panelWidth,
      0,
      ...c,
      4,
      n,
      k,
      m,
    );
  };

export const matmulWeightGradient =
  (machine: Machine) =>
  ({ dWeights, dBias, a, dOut, n, k, m }: MatmulWeightGradientArgs<WasmHandle>): void => {
    const c = [dWeights.address, 4 * k];
    machine.call.gemm(...c, dOut.address, 4, 4 * m, a.address, 4 * k, 4 * machine.panelWidth, 0, ...c, 4, m, k, n);
    if (dBias) machine.call.addRows(dBias.address, dOut.address, 4 * m, n, m, addressOf(undefined));
  };
