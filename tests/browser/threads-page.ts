/** The page of threads.mjs: the same operations on one thread and on as many as this page may have, under its Content-Security-Policy. */
import { chooseBackend } from "../../bert/choose-backend.ts";
import { configOfShape } from "../../bert/config.ts";
import { threadedWasmBackend, wasmBackend } from "../../kernels/backends/wasm.ts";
import { randomModel } from "../support/random-bert.ts";

const config = configOfShape(
  { layers: 2, d: 64, h: 2, f: 96 },
  { vocabulary: 50, maxPositions: 40, labels: ["no", "yes"] },
);

async function logits(backend: Awaited<ReturnType<typeof threadedWasmBackend>>): Promise<number[][]> {
  const model = randomModel(backend, 5, config);
  const ids = Array.from({ length: 40 }, (_, i) => i);
  const result = await model.forward([ids, ids.slice(0, 7)]);
  await model.dispose();
  return result.logits.map((row) => [...row]);
}

export async function report(): Promise<object> {
  const { backend, threads } = await chooseBackend("wasm", { threads: 2 });
  backend.dispose();
  const one = await logits(wasmBackend());
  // Workers are woken at once, so that they really take part.
  const many =
    threads.count > 1 ? await logits(await threadedWasmBackend({ threads: threads.count, aloneMs: 0 })) : one;
  return { isolated: crossOriginIsolated, threads, one, many };
}

Object.assign(globalThis, { report });
