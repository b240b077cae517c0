/**
 * The page of `node tests/gpu/browser.mjs MODE --measure`: what skimming should do on a GPU, and whether the matrix product by hand pays.
 * On a software rasteriser its figures mean something as ratios only.
 */
import { gpu } from "../../gpu.ts";
import { measureMatmul } from "./measure-matmul.ts";
import { measureSkimming } from "./measure-skimming.ts";

const mode = new URL(location.href).searchParams.get("mode") === "webgpu" ? "webgpu" : "webgl2";

/** A review as token ids; the texts are it and parts of it once more. */
const review = [1996, 5436, 2003, 1037, 6752, 1998, 1996, 13198, 2991, 4257, 1010, 2021, 1996, 2189, 2003, 3811, 2204];

async function measureAll(): Promise<object> {
  const ids = [0, 1, 2, 3].map((t) => [101, ...review, ...review.slice(t, 9 + t), ...review.slice(0, t), 102]);
  const skimming = await measureSkimming(await gpu({ mode }), ids);
  return { mode, skimming, ...(mode === "webgpu" && { matmul: await measureMatmul() }) };
}

Object.assign(window, { unavailable: async () => undefined, runCases: measureAll });
