/**
 * What runs inside the browser, against a real context of the mode that the page's address names: the generic kernel test, and what is
 * a GPU's own. tests/gpu/*.test.ts report the results.
 */
import { gpu } from "../../gpu.ts";
import { testBackend } from "../kernels/generic.ts";
import type { GpuBackend } from "./checks.ts";
import { contextCases, webGl2ContextCases } from "./context-cases.ts";
import { cases, type Setting } from "./kernel-cases.ts";
import { gpuKernels } from "./kernels.ts";
import { modelCases } from "./model-cases.ts";
import { afterAll, beforeAll, describe, type Result, runner, test } from "./runner.ts";
import { watchWebGl2, watchWebGpu } from "./watch.ts";

const mode = new URLSearchParams(location.search).get("mode") === "webgpu" ? "webgpu" : "webgl2";
const setting: Setting = {
  mode,
  open: () => gpu({ mode }),
  watch: mode === "webgl2" ? watchWebGl2() : watchWebGpu({ GPUAdapter, GPUDevice, GPUBuffer }),
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
  for (const [name, run] of modelCases) test(name, () => run(setting));
  for (const [name, run] of contextCases) test(name, () => run(setting));
  if (mode === "webgl2") for (const [name, run] of webGl2ContextCases) test(name, () => run(setting));
});

/** Why this mode cannot run here, if it cannot. */
async function unavailable(): Promise<string | undefined> {
  try {
    (await setting.open()).dispose();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

Object.assign(window, { unavailable, runCases: (): Promise<Result[]> => runner.run() });
