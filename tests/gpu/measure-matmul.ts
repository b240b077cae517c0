/** The matrix product written by hand in WGSL against gpu.js's WebGPU form, on one device: milliseconds, GFLOP/s and their ratio. */
import { measure } from "../../bench/measure.ts";
import { view } from "../../engine/view.ts";
import type { GpuDevice } from "../../kernels/backends/gpu-device.ts";
import { GpuHandle } from "../../kernels/backends/gpu-handle.ts";
import { importLibrary } from "../../kernels/backends/gpu-library.ts";
import { WebGpuDevice, type WebGpuProvider } from "../../kernels/backends/gpu-webgpu.ts";
import { geluFunction } from "../../kernels/gelu/gpu.ts";
import { matmul } from "../../kernels/matmul/gpu.ts";
import { tanhFunction } from "../../kernels/tanh/gpu.ts";
import { random } from "./checks.ts";

const shapes = [
  [32, 768, 768],
  [8, 768, 3072],
  [128, 128, 512],
] as const;

export async function measureMatmul(provider?: WebGpuProvider): Promise<Record<string, object>> {
  const device = await WebGpuDevice.open(await importLibrary(), [geluFunction, tanhFunction], provider);
  const plain: GpuDevice = {
    mode: device.mode,
    readsQuads: device.readsQuads,
    launch: (...args) => device.launch(...args),
    upload: (values) => device.upload(values),
    read: (array, length) => device.read(array, length),
    free: (array) => device.free(array),
    check: () => device.check(),
    dispose: () => device.dispose(),
  };
  const found: Record<string, object> = {};
  for (const [n, k, m] of shapes) {
    const filled = (rows: number, columns: number): GpuHandle => {
      const handle = new GpuHandle(device, rows * columns, "f32");
      handle.write(view(random(rows * columns), [rows * columns]).data);
      return handle;
    };
    const operands = { a: filled(n, k), weights: filled(k, m), bias: filled(1, m) };
    const out = new GpuHandle(device, n * m, "f32");
    // The first value says that all is done; reading it costs both the same.
    const run = (on: GpuDevice) => {
      const form = matmul(on);
      return async () => {
        form({ out, ...operands, n, k, m });
        await out.read(1);
      };
    };
    const { ms, ratio } = await measure({ wgsl: run(device), gpuJs: run(plain) }, { runs: 5, warmup: 1 });
    const rate = (milliseconds: number): number => round((2 * n * k * m) / milliseconds / 1e6);
    found[`${n} × ${k} × ${m}`] = {
      wgsl: { ms: round(ms.wgsl.median), gflops: rate(ms.wgsl.median) },
      gpuJs: { ms: round(ms.gpuJs.median), gflops: rate(ms.gpuJs.median) },
      timesFaster: round(ratio("gpuJs", "wgsl").median),
    };
    for (const handle of [...Object.values(operands), out]) handle.release();
  }
  device.dispose();
  return found;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
