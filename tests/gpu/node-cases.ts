/** What runs in Node: the suite, on a WebGPU given as `provider`. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { loadModel } from "../../bert/load.ts";
import { gpu } from "../../gpu.ts";
import type { Setting } from "./kernel-cases.ts";
import { type Result, runner } from "./runner.ts";
import { registerSuite } from "./suite.ts";
import { watchWebGpu } from "./watch.ts";

interface Package {
  create(flags: string[]): GPU;
  readonly globals: Parameters<typeof watchWebGpu>[0];
}

/** Runs everything, or says why this mode cannot run here. */
export async function runCases(
  { create, globals }: Package,
  { root, only }: { root: string; only: string },
): Promise<{ reason?: string; results?: Result[] }> {
  const provider = create([]);
  const setting: Setting = {
    mode: "webgpu",
    open: () => gpu({ mode: "webgpu", provider }),
    watch: watchWebGpu(globals),
    load: (backend) => loadModel(join(root, "models/sst2-12x128"), { backend }),
    file: (path) => readFile(place(root, path)).catch(() => undefined),
    heap: heapInUse,
  };
  try {
    (await setting.open()).dispose();
  } catch (error) {
    return { reason: String(error) };
  }
  registerSuite("webgpu in Node", setting);
  return { results: await runner.run(only) };
}

/** Where a file lies that a browser would be served. */
function place(root: string, path: string): string {
  if (!path.startsWith("shared/")) return join(root, path);
  return join(process.env.TAPER_SHARED ?? join(root, "../shared"), path.slice("shared/".length));
}

async function heapInUse(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const gc: () => void = runInNewContext("gc");
  // Buffers of the GPU are given back by finalizers, which want a turn.
  for (let i = 0; i < 3; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
