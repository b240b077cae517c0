/**
 * What runs inside the browser, against a real context of the mode that the page's address names: the generic kernel test, and what is
 * a GPU's own. tests/gpu/*.test.ts report the results.
 */
import { loadModelFrom } from "../../bert/load-url.ts";
import { fetchBytes } from "../../engine/http-source.ts";
import { gpu } from "../../gpu.ts";
import { testBackend } from "../kernels/generic.ts";
import { bertTinyCases } from "./bert-tiny-cases.ts";
import type { GpuBackend } from "./checks.ts";
import { contextCases, webGl2ContextCases } from "./context-cases.ts";
import { cases, type Setting } from "./kernel-cases.ts";
import { gpuKernels } from "./kernels.ts";
import { memoryCases } from "./memory-cases.ts";
import { modelCases } from "./model-cases.ts";
import { afterAll, beforeAll, describe, type Result, runner, test } from "./runner.ts";
import { trapCases, webGl2TrapCases } from "./trap-cases.ts";
import { watchWebGl2, watchWebGpu } from "./watch.ts";

const { searchParams } = new URL(location.href);
const mode = searchParams.get("mode") === "webgpu" ? "webgpu" : "webgl2";
const setting: Setting = {
  mode,
  open: () => gpu({ mode }),
  watch: mode === "webgl2" ? watchWebGl2() : watchWebGpu({ GPUAdapter, GPUDevice, GPUBuffer, GPUQueue }),
  load: (backend) => loadModelFrom(new URL("/models/sst2-12x128", location.href).href, backend),
  file: (path) => fetchBytes(new URL(`/${path}`, location.href).href, { optional: true }),
  heap: heapInUse,
};

testBackend("generic", setting.open, {
  kernels: gpuKernels,
  // What a driver does with NaN and infinities is its own affair; what is promised about them is in the cases.
  nonFinite: false,
  // Compiling for WebGL2 is slow; that rows do not depend on their batch is tested where it is quick, on the same sources.
  bitEqualRows: mode === "webgpu",
  randomCases: 12,
});
describe(mode, () => {
  let backend: GpuBackend;
  beforeAll(async () => {
    backend = await setting.open();
  });
  afterAll(() => backend.dispose());
  for (const [name, run] of cases) test(name, () => run(backend, setting));
  for (const [name, run] of [...modelCases, ...bertTinyCases, ...memoryCases, ...trapCases, ...contextCases]) {
    test(name, () => run(setting));
  }
  if (mode === "webgl2")
    for (const [name, run] of [...webGl2TrapCases, ...webGl2ContextCases]) test(name, () => run(setting));
});

/** Chromium was started with --expose-gc and --enable-precise-memory-info. */
async function heapInUse(): Promise<number> {
  const { gc, performance } = globalThis as unknown as {
    gc: (options: object) => Promise<void>;
    performance: { memory: { usedJSHeapSize: number } };
  };
  for (let i = 0; i < 2; i++) await gc({ type: "major", execution: "async" });
  return performance.memory.usedJSHeapSize;
}

/** Why this mode cannot run here, if it cannot. */
async function unavailable(): Promise<string | undefined> {
  try {
    (await setting.open()).dispose();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

Object.assign(window, { unavailable, runCases: (): Promise<Result[]> => runner.run(searchParams.get("only") ?? "") });
