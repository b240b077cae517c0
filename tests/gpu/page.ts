/**
 * What runs inside the browser: the suite, against a real context of the mode that the page's address names.
 * tests/gpu/*.test.ts report the results.
 */
import { loadModel } from "../../bert/load.ts";
import { gpu } from "../../gpu.ts";
import type { Setting } from "./kernel-cases.ts";
import { type Result, runner } from "./runner.ts";
import { registerSuite } from "./suite.ts";
import { watchWebGl2, watchWebGpu } from "./watch.ts";

const { searchParams } = new URL(location.href);
const mode = searchParams.get("mode") === "webgpu" ? "webgpu" : "webgl2";
const setting: Setting = {
  mode,
  open: () => gpu({ mode }),
  watch: mode === "webgl2" ? watchWebGl2() : watchWebGpu({ GPUAdapter, GPUDevice, GPUBuffer, GPUQueue }),
  load: (backend) => loadModel(new URL("/models/sst2-12x128", location.href).href, { backend }),
  file: async (path) => {
    const response = await fetch(`/${path}`);
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
  },
  heap: heapInUse,
};

registerSuite(mode, setting);

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
