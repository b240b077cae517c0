/** Everything that a mode of the GPU backend must pass: the generic kernel test, and what is a GPU's own. Pages and Node only set the scene. */
import { testBackend } from "../kernels/generic.ts";
import { bertTinyCases } from "./bert-tiny-cases.ts";
import type { GpuBackend } from "./checks.ts";
import { contextCases, webGl2ContextCases } from "./context-cases.ts";
import { cases, type Setting } from "./kernel-cases.ts";
import { gpuKernels } from "./kernels.ts";
import { memoryCases } from "./memory-cases.ts";
import { modelCases } from "./model-cases.ts";
import { afterAll, beforeAll, describe, test } from "./runner.ts";
import { trapCases, webGl2TrapCases } from "./trap-cases.ts";

export function registerSuite(name: string, setting: Setting): void {
  const isWebGl2 = setting.mode === "webgl2";
  testBackend("generic", setting.open, {
    kernels: gpuKernels,
    // What a driver does with NaN and infinities is its own affair; what is promised about them is in the cases.
    nonFinite: false,
    // Compiling for WebGL2 is slow; that rows do not depend on their batch is tested where it is quick, on the same sources.
    bitEqualRows: !isWebGl2,
    randomCases: 12,
  });
  describe(name, () => {
    let backend: GpuBackend;
    beforeAll(async () => {
      backend = await setting.open();
    });
    afterAll(() => backend.dispose());
    for (const [title, run] of cases) test(title, () => run(backend, setting));
    for (const group of [modelCases, bertTinyCases, memoryCases, trapCases, contextCases]) {
      for (const [title, run] of group) test(title, () => run(setting));
    }
    if (!isWebGl2) return;
    for (const [title, run] of [...webGl2TrapCases, ...webGl2ContextCases]) test(title, () => run(setting));
  });
}
