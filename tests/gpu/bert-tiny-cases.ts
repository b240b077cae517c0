/**
 * A published BERT-tiny on the GPU: its head from the extract in tests/fixtures everywhere; where ../shared is, its states against the
 * CPU's and against the published ones in float64, and whole forwards dense, skimmed, exited, with the CPU's decisions replayed.
 */
import { Checkpoint, checkpointSource } from "../../bert/checkpoint.ts";
import type { Dials } from "../../bert/dials.ts";
import { attend, feedForward } from "../../bert/layer.ts";
import { Model } from "../../bert/model.ts";
import { finalHead } from "../../bert/parameters.ts";
import { planScratch } from "../../bert/scratch.ts";
import { parseSafetensors } from "../../engine/safetensors.ts";
import { view } from "../../engine/view.ts";
import { answer } from "../../exit/head.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { InferenceBackend } from "../../kernels/index.ts";
import { bertTiny, type Golden, headCase } from "../support/bert-tiny.ts";
import { largestDifference, ok } from "./checks.ts";
import { compareForwards, TOLERANCE } from "./compare-forwards.ts";
import type { Setting } from "./kernel-cases.ts";
import { note } from "./runner.ts";

/** The step of a token that stayed as long as its text: two for each of two layers. */
const LEFT_LAST = 4;
const dialsByName: Record<string, Dials> = {
  dense: { skim: false, exit: false },
  skimmed: { skim: { keepThreshold: -1, attentionThreshold: 1 }, exit: false },
  exited: { skim: false, exit: { entropy: 0.95 } },
  both: { skim: { keepThreshold: -1, attentionThreshold: 1 }, exit: { entropy: 0.95 } },
};

export const bertTinyCases: [name: string, run: (setting: Setting) => Promise<void>][] = [
  [
    "BERT-tiny's head is the published one",
    async ({ open, file }) => {
      const fixture = headCase(text((await file("tests/fixtures/bert-tiny/head.json")) ?? new Uint8Array(0)));
      const backend = await open();
      const d = fixture.cls.length;
      const buffers = {
        clsIndex: backend.allocate(1, "i32"),
        cls: backend.allocate(d),
        pooled: backend.allocate(d),
        logits: backend.allocate(2),
      };
      const head = finalHead(checkpointSource(new Checkpoint(fixture.tensors, "head.json"), backend), d, 2);
      answer(backend, head, backend.upload(view(fixture.cls, [1, d])), Int32Array.of(0), 1, d, buffers);
      const found = [await backend.read(buffers.pooled), await backend.read(buffers.logits)];
      const apart = largestDifference(found, [fixture.pooled, fixture.logits]);
      note(`pooled and logits ${apart.toExponential(1)} apart`);
      ok(apart <= TOLERANCE, `pooled and logits are ${apart} apart`);
      backend.dispose();
    },
  ],
  [
    "BERT-tiny's states and logits are the CPU's: dense, skimmed, exited, both",
    async ({ open, file }) => {
      const encoder = await file("shared/fixtures/bert-tiny-sst2/encoder.safetensors");
      const json = await file("shared/fixtures/bert-tiny-sst2/golden.json");
      if (encoder === undefined || json === undefined) return note("skipped: no ../shared/fixtures/bert-tiny-sst2");
      const golden: Golden = JSON.parse(text(json));
      const tensors = parseSafetensors(encoder, "encoder.safetensors");
      const [cpuBackend, gpuBackend] = [wasmBackend(), await open()];
      const cpu = new Model(bertTiny(cpuBackend, tensors, golden), cpuBackend);
      const onGpu = new Model(bertTiny(gpuBackend, tensors, golden), gpuBackend);

      const states = await statesOf(gpuBackend, bertTiny(gpuBackend, tensors, golden), golden);
      const onCpu = await statesOf(cpuBackend, bertTiny(cpuBackend, tensors, golden), golden);
      const published = golden.hidden_after_layer.map((rows) => Float32Array.from(rows.flat()));
      const apart = [largestDifference(states, onCpu), largestDifference(states, published)];
      note(`states ${apart[0].toExponential(1)} from the CPU's, ${apart[1].toExponential(1)} from the published ones`);
      ok(Math.max(...apart) <= TOLERANCE, `states are ${apart} apart`);

      const n = golden.embedded_input.length;
      const ids = [n, n - 1, 7, 4, 1].map((length) => Array.from({ length }, (_, i) => (length + i * 5) % n));
      for (const [name, dials] of Object.entries(dialsByName)) {
        const traces = await compareForwards(cpu, onGpu, name, ids, dials);
        const skimmed = traces.some(({ leftAt }) => leftAt.some((step) => step < LEFT_LAST));
        const exited = traces.some(({ exitLayer }) => exitLayer === 1);
        ok(skimmed === (dials.skim !== false), `${name}: rows ${skimmed ? "" : "do not "}leave`);
        ok(exited === (dials.exit !== false), `${name}: texts ${exited ? "" : "do not "}exit`);
      }
      await onGpu.dispose();
      await cpu.dispose();
    },
  ],
];

/** The states after each layer, of the sentence as it was embedded when it was published. */
async function statesOf(
  backend: InferenceBackend,
  { config, parameters }: ReturnType<typeof bertTiny>,
  { embedded_input: words }: Golden,
): Promise<Float32Array[]> {
  const n = words.length;
  const { d, h, eps } = config;
  const { rows, layer: scratch } = planScratch(backend, config, 0, n);
  const { hidden, spare, starts } = rows;
  backend.write(starts, [0, n]);
  backend.write(hidden, words.flat());
  const states: Float32Array[] = [];
  for (const layer of parameters.layers) {
    const sizes = { n, texts: 1, pairs: n * n, d, h, eps };
    attend(backend, layer, sizes, { out: spare, hidden, starts }, scratch);
    feedForward(backend, layer, sizes, { out: hidden, hidden: spare }, scratch);
    states.push(await backend.read(hidden));
  }
  return states;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
