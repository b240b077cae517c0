/**
 * What a decision costs on a GPU: a page that times reading scores back against the layer that they may spare. Run by
 * `node tests/gpu/browser.mjs MODE --measure`; on a software rasteriser its figures mean something as ratios only.
 */
import { loadModel } from "../../bert/load.ts";
import { gpu } from "../../gpu.ts";

const mode = new URLSearchParams(location.search).get("mode") === "webgpu" ? "webgpu" : "webgl2";
const rounds = 5;

async function median(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const began = performance.now();
    await run();
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[rounds >> 1];
}

/** Milliseconds, by text length: whole forwards, and one read by itself. */
async function measure(): Promise<object> {
  const model = await loadModel(new URL("/models/sst2-12x128", location.href).href, { backend: await gpu({ mode }) });
  const { backend } = model;
  const handle = backend.allocate(256);
  backend.write(handle, new Float32Array(256));
  const found: Record<string, object> = {};
  for (const length of [32, 128]) {
    const ids = Array.from({ length: Math.max(1, 128 / length) }, () => [
      101,
      ...new Array(length - 2).fill(2143),
      102,
    ]);
    const forward = (skim: false | { keepThreshold: number }) => () => model.forward(ids, { skim, exit: false });
    // A threshold that keeps everything: predictors run and are read, and nothing is spared.
    const cases = { dense: forward(false), scoredAndRead: forward({ keepThreshold: -1e30 }) };
    await cases.dense();
    await cases.scoredAndRead();
    const replay = (await cases.dense()).trace;
    found[`${ids.length} texts of ${length}`] = {
      dense: await median(cases.dense),
      scoredAndRead: await median(cases.scoredAndRead),
      halfTheRows: await median(() =>
        model.forward(ids, {
          skim: false,
          exit: false,
          replay: replay.map((trace) => ({ ...trace, leftAt: trace.leftAt.map((at, i) => (i % 2 === 1 ? 0 : at)) })),
        }),
      ),
      oneRead: await median(async () => backend.read(handle)),
    };
  }
  await model.dispose();
  return found;
}

Object.assign(window, { unavailable: async () => undefined, runCases: measure });
