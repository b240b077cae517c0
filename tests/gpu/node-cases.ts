/** What runs in Node on a WebGPU given as `provider`: the generic kernel test, and the cases that need no page. */
import { gpu } from "../../gpu.ts";
import { testBackend } from "../kernels/generic.ts";
import type { GpuBackend } from "./checks.ts";
import { cases, type Setting } from "./kernel-cases.ts";
import { gpuKernels } from "./kernels.ts";
import { afterAll, beforeAll, describe, type Result, runner, test } from "./runner.ts";
import { watchWebGpu } from "./watch.ts";

interface Package {
  create(flags: string[]): GPU;
  readonly globals: Parameters<typeof watchWebGpu>[0];
}

/** Runs everything, or says why this mode cannot run here. */
export async function runCases({ create, globals }: Package): Promise<{ reason?: string; results?: Result[] }> {
  const provider = create([]);
  const setting: Setting = {
    mode: "webgpu",
    open: () => gpu({ mode: "webgpu", provider }),
    watch: watchWebGpu(globals),
  };
  try {
    (await setting.open()).dispose();
  } catch (error) {
    return { reason: String(error) };
  }
  testBackend("generic", setting.open, {
    kernels: gpuKernels,
    nonFinite: false,
    randomCases: 12,
  });
  describe("webgpu in Node", () => {
    let backend: GpuBackend;
    beforeAll(async () => {
      backend = await setting.open();
    });
    afterAll(() => backend.dispose());
    for (const [name, run] of cases) test(name, () => run(backend, setting));
  });
  return { results: await runner.run() };
}
