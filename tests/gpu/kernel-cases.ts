/**
 * What a mode of the GPU backend must do beyond the generic kernel test: nothing lost, nothing recompiled, sizes beyond a texture's side,
 * lost contexts, and every other trap that gpu.js sets. A case throws if it fails.
 */
import type { Model } from "../../bert/model.ts";
import { transpose, view } from "../../engine/view.ts";
import type { GpuMode } from "../../gpu.ts";
import type { InferenceBackend } from "../../kernels/index.ts";
import {
  checkMatmul,
  checkSoftmax,
  equal,
  exactGelu,
  type GpuBackend,
  near,
  ok,
  ramp,
  rejectsCode,
  release,
  same,
  throwsCode,
  upload,
} from "./checks.ts";
import type { Watch } from "./watch.ts";

export interface Setting {
  readonly mode: GpuMode;
  readonly open: () => Promise<GpuBackend>;
  readonly watch: Watch;
  /** The bundled model. */
  readonly load: (backend: InferenceBackend) => Promise<Model>;
  /** A file under "models/", "tests/fixtures/" or "shared/"; undefined if it is not there. */
  readonly file: (path: string) => Promise<Uint8Array | undefined>;
  /** Bytes of JavaScript's heap in use, and of arrays outside it, after a collection. */
  readonly heap: () => Promise<number>;
}

export type Case = [name: string, run: (backend: GpuBackend, setting: Setting) => void | Promise<void>];

export const cases: Case[] = [
  [
    "shapes that shrink and grow keep their values, and nothing is compiled again",
    async (backend, { watch }) => {
      const shapes = [
        [5, 7, 3],
        [4, 7, 3],
        [1, 1, 1],
        [33, 65, 17],
        [2, 3, 129],
        [64, 16, 64],
        [3, 5, 2],
      ] as const;
      await checkMatmul(backend, 9, 9, 9);
      await checkMatmul(backend, 8, 8, 8);
      await checkSoftmax(backend, 9, 9);
      const compiled = watch.compiled();
      for (const [n, k, m] of shapes) {
        await checkMatmul(backend, n, k, m);
        await checkSoftmax(backend, n, k);
      }
      equal(watch.compiled(), compiled, "compiled programs");
    },
  ],
  ["a loop longer than 1000: matmul with k = 1500", (backend) => checkMatmul(backend, 2, 1500, 5)],
  ["a loop longer than 1000: softmax with m = 30522", (backend) => checkSoftmax(backend, 3, 30522)],
  ["an output wider than a texture: matmul with m = 30522", (backend) => checkMatmul(backend, 3, 4, 30522)],
  ["an input wider than a texture: matmul with k = 20001", (backend) => checkMatmul(backend, 1, 20001, 2)],
  [
    "weights whose flat index a float cannot hold (above 2^24)",
    async (backend) => {
      const [k, m] = [33, 520_003];
      const value = (i: number) => (i * 31) % 1009;
      const packed = backend.pack(
        view(
          Float32Array.from({ length: k * m }, (_, i) => value(i)),
          [k, m],
        ),
      );
      const a = upload(backend, [...new Array(k - 1).fill(0), 1], [1, k]);
      const out = backend.allocate(m);
      backend.op("matmul", { out, a, weights: packed, n: 1, k, m });
      const found = await backend.read(out);
      for (let j = m - 5000; j < m; j++) equal(found[j], value((k - 1) * m + j), `column ${j}`);
      release(backend, packed, a, out);
    },
  ],
  [
    "NaN and infinities stay in their row of a matmul",
    async (backend) => {
      const a = upload(backend, [1, 2, Number.NaN, 1, Number.POSITIVE_INFINITY, 1, 3, 4], [4, 2]);
      const weights = backend.pack(view(Float32Array.of(1, 1, 1, -1), [2, 2]));
      const out = backend.allocate(8);
      for (const activation of [undefined, "gelu", "tanh"] as const) {
        backend.op("matmul", { out, a, weights, activation, n: 4, k: 2, m: 2 });
        const found = await backend.read(out);
        const top = activation === "tanh" ? 1 : Number.POSITIVE_INFINITY;
        for (const [i, value] of [Number.NaN, Number.NaN, top, top].entries())
          equal(found[2 + i], value, `${activation} ${i}`);
        for (const i of [0, 1, 6, 7]) ok(Number.isFinite(found[i]), `${activation}: value ${i} is ${found[i]}`);
      }
      release(backend, a, weights, out);
    },
  ],
  [
    "softmax: NaN and +∞ make their row NaN, −∞ becomes 0, a row of −∞ NaN",
    async (backend) => {
      const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
      const x = upload(backend, [0, nan, 1, nan, 0, 0, 0, 0, inf, -inf, 5, 5, -inf, -inf, -inf, 1, 2, -inf], [6, 3]);
      const out = backend.allocate(18);
      backend.op("softmax", { out, x, n: 6, m: 3 });
      const found = await backend.read(out);
      const [p, q] = [1 / (1 + Math.E), 1 / (1 + 1 / Math.E)];
      const expected = [nan, nan, nan, nan, nan, nan, nan, nan, nan, 0, 0.5, 0.5, nan, nan, nan, p, q, 0];
      for (const [i, value] of expected.entries()) near(found[i], value, 3e-7, `value ${i}`);
      release(backend, x, out);
    },
  ],
  [
    "softmax of huge and of equal values",
    async (backend) => {
      const x = upload(backend, [1e30, -1e30, 1e30, 3e38, -3e38, 0, -1e-30, 1e-30, 0], [3, 3]);
      const out = backend.allocate(9);
      backend.op("softmax", { out, x, n: 3, m: 3 });
      const third = 1 / 3;
      const found = await backend.read(out);
      for (const [i, value] of [0.5, 0, 0.5, 1, 0, 0, third, third, third].entries())
        near(found[i], value, 1e-7, `value ${i}`);
      release(backend, x, out);
    },
  ],
  [
    "GELU within 1e-6 and tanh within 3e-7 from −20 to 20, and saturated beyond",
    async (backend) => {
      const n = 8001;
      const x = Float32Array.from({ length: n }, (_, i) => (i - 4000) / 200);
      x.set([1e30, -1e30, 3e38, -3e38, 0, -0, 1e-30]);
      const a = backend.upload(view(x, [n, 1]));
      const weights = backend.pack(view(Float32Array.of(1), [1, 1]));
      const out = backend.allocate(n);
      backend.op("matmul", { out, a, weights, activation: "tanh", n, k: 1, m: 1 });
      for (const [i, y] of (await backend.read(out)).entries()) near(y, Math.tanh(x[i]), 3e-7, `tanh(${x[i]})`);
      backend.op("matmul", { out, a, weights, activation: "gelu", n, k: 1, m: 1 });
      for (const [i, y] of (await backend.read(out)).entries()) {
        const expected = exactGelu(x[i]);
        near(y, expected, 1e-6 * Math.max(1, Math.abs(expected)), `gelu(${x[i]})`);
      }
      release(backend, a, weights, out);
    },
  ],
  [
    "every combination of bias, activation and residual",
    async (backend) => {
      for (const bias of [false, true])
        for (const residual of [false, true])
          for (const activation of [undefined, "gelu", "tanh"] as const)
            for (const [n, k, m] of [
              [3, 6, 5],
              [5, 8, 12],
            ]) {
              await checkMatmul(backend, n, k, m, { bias, residual, activation });
            }
    },
  ],
  [
    "empty shapes: k = 0 is activation(bias) + residual; n = 0 and m = 0 write nothing",
    async (backend) => {
      const [empty, out] = [backend.allocate(0), backend.allocate(4)];
      const bias = upload(backend, [100, -3], [2]);
      const residual = upload(backend, [1, 2, 3, 4], [2, 2]);
      const packed = backend.pack(view(new Float32Array(0), [0, 2]));
      backend.op("matmul", { out, a: empty, weights: packed, bias, residual, activation: "gelu", n: 2, k: 0, m: 2 });
      const expected = [101, 2 + exactGelu(-3), 103, 4 + exactGelu(-3)];
      for (const [i, y] of (await backend.read(out)).entries()) near(y, expected[i], 1e-5, `value ${i}`);
      backend.op("matmul", { out, a: empty, weights: packed, n: 0, k: 0, m: 2 });
      backend.op("softmax", { out, x: empty, n: 4, m: 0 });
      for (const [i, y] of (await backend.read(out)).entries()) near(y, expected[i], 1e-5, `kept value ${i}`);
      equal((await backend.read(empty)).length, 0, "read of an empty buffer");
      release(backend, empty, out, bias, residual, packed);
    },
  ],
  [
    "write replaces the first values and keeps the rest; a new buffer is zero; views are read by their strides",
    async (backend) => {
      const handle = backend.allocate(5);
      same(await backend.read(handle), [0, 0, 0, 0, 0], "new");
      backend.write(handle, [1, 2, 3]);
      same(await backend.read(handle), [1, 2, 3, 0, 0], "written");
      backend.write(handle, [9]);
      same(await backend.read(handle), [9, 2, 3, 0, 0], "written again");
      same(await backend.read(handle, 2), [9, 2], "read in part");
      backend.write(handle, [5, 4, 3, 2, 1]);
      same(await backend.read(handle), [5, 4, 3, 2, 1], "written whole");
      const matrix = view(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
      const across = backend.upload(transpose(matrix));
      same(await backend.read(across), [1, 4, 2, 5, 3, 6], "transposed");
      release(backend, handle, across);
    },
  ],
  [
    "a read is of the moment it was asked for",
    async (backend) => {
      const x = upload(backend, [0, 0, 0, 0], [2, 2]);
      const first = backend.read(x);
      backend.write(x, [1, 2, 3, 4]);
      const second = backend.read(x, 2);
      backend.release(x);
      same(await first, [0, 0, 0, 0], "first");
      same(await second, [1, 2], "second");
    },
  ],
  [
    "memory: none is lost over repeated operations, and released buffers give all back",
    async (backend, { watch }) => {
      await checkMatmul(backend, 8, 8, 8, { bias: true, residual: true, activation: "gelu" });
      await checkSoftmax(backend, 8, 8);
      const probe = upload(backend, [1], [1]);
      // A read is answered when everything before it has happened, frees included.
      const memory = async () => {
        await backend.read(probe);
        return watch.memory();
      };
      const before = await memory();
      const [a, b, c] = [upload(backend, ramp(64), [8, 8]), backend.allocate(64), backend.allocate(64)];
      const weights = backend.pack(view(Float32Array.from(ramp(64)), [8, 8]));
      const bias = upload(backend, ramp(8), [8]);
      const step = (n: number) => {
        backend.op("matmul", { out: b, a, weights, bias, residual: a, activation: "gelu", n, k: 8, m: 8 });
        backend.op("matmul", { out: c, a: b, weights, bias, residual: b, activation: "gelu", n, k: 8, m: 8 });
        backend.op("softmax", { out: b, x: c, n, m: 8 });
      };
      step(8);
      equal((await memory()) - before, 5, "arrays of five buffers");
      for (let i = 0; i < 40; i++) step(1 + (i % 8));
      equal((await memory()) - before, 5, "arrays after 120 operations");
      release(backend, a, b, c, weights, bias);
      equal(await memory(), before, "arrays after release");
      release(backend, probe);
    },
  ],
  [
    "what would read or write out of a buffer is an error, and so is a released buffer",
    async (backend) => {
      const [a, out] = [upload(backend, ramp(6), [2, 3]), backend.allocate(4)];
      const weights = backend.pack(view(Float32Array.from(ramp(6)), [3, 2]));
      const sizes = { n: 2, k: 3, m: 2 };
      throwsCode(() => backend.op("matmul", { out, a, weights, ...sizes, n: 3 }), "ERR_INPUT");
      throwsCode(() => backend.op("matmul", { out, a, weights, ...sizes, k: 4 }), "ERR_INPUT");
      throwsCode(() => backend.op("matmul", { out, a, weights: a, ...sizes }), "ERR_INPUT");
      throwsCode(() => backend.op("softmax", { out, x: a, n: 2, m: 3 }), "ERR_INPUT");
      throwsCode(() => backend.write(out, [1, 2, 3, 4, 5]), "ERR_INPUT");
      throwsCode(() => backend.upload(view(Int32Array.of(2 ** 24 + 1), [1])), "ERR_INPUT");
      await rejectsCode(() => backend.read(out, 5), "ERR_INPUT");
      release(backend, a, out, weights);
      throwsCode(() => backend.op("matmul", { out, a, weights, ...sizes }), "ERR_DISPOSED");
      throwsCode(() => backend.write(out, [1]), "ERR_DISPOSED");
      await rejectsCode(() => backend.read(out), "ERR_DISPOSED");
    },
  ],
  [
    "an operation keeps what it does not write, however often a batch narrows",
    async (backend, { watch }) => {
      const probe = upload(backend, [1], [1]);
      await backend.read(probe);
      const before = watch.memory();
      const [x, out] = [upload(backend, [1, 1, 1, 1, 1, 1], [3, 2]), backend.allocate(8)];
      backend.write(out, [7, 7, 7, 7, 7, 7, 7]);
      for (const n of [3, 2, 1]) backend.op("softmax", { out, x, n, m: 2 });
      await backend.read(probe);
      ok(watch.memory() - before <= 3, `${watch.memory() - before} arrays for two buffers`);
      same(await backend.read(out), [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 7, 0], "narrowed");
      backend.op("softmax", { out, x, n: 1, m: 1 });
      same(await backend.read(out, 3), [1, 0.5, 0.5], "narrowed again");
      release(backend, x, out);
      await backend.read(probe);
      equal(watch.memory(), before, "arrays after release");
      release(backend, probe);
    },
  ],
];
