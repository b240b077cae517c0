/** The masked twin of a recorded forward: nothing leaves, masks built from the traces say who is alive. The oracle of dropping. */
import { packBatch } from "../bert/batch.ts";
import type { Bert } from "../bert/bert.ts";
import { embedTokens } from "../bert/embeddings.ts";
import { forwardMasked } from "../bert/masked.ts";
import { planScratch, type Scratch } from "../bert/scratch.ts";
import { stepAfterAttention, stepBefore, type Trace } from "../bert/trace.ts";
import type { Handle } from "../engine/backend.ts";
import { answer } from "../exit/head.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import { applyLinear } from "../kernels/linear.ts";

export interface MaskedResult {
  /** Per text: logits of the head that the trace says answered; for token-level models a row per token, [tokens, c]. */
  readonly logits: Float32Array[];
  /** Per text: [tokens, d], every token's state when it left (or its text did). */
  readonly hidden: Float32Array[];
}

export async function maskedReplay(
  backend: InferenceBackend,
  bert: Bert,
  ids: readonly (readonly number[])[],
  traces: readonly Trace[],
): Promise<MaskedResult> {
  const { config } = bert;
  const { d } = config;
  const batch = packBatch(ids, undefined, config);
  const texts = ids.length;
  const n = batch.starts[texts];
  const scratch: Scratch = planScratch(backend, config, 0, Math.max(n, 1));
  const allocate = (): Handle => backend.allocate(n * d);
  const buffers = {
    layer: scratch.layer,
    attended: allocate(),
    between: allocate(),
    fed: allocate(),
    importance: scratch.importance,
    starts: scratch.rows.starts,
  };
  backend.write(scratch.rows.starts, batch.starts);
  for (const name of ["ids", "positions", "segments"] as const) backend.write(scratch[name], batch[name]);
  const state = scratch.rows.hidden;
  embedTokens(backend, bert.parameters.embeddings, config, n, { ...scratch, summed: scratch.rows.spare, out: state });

  // Alive during a step: whoever leaves later, in a text that has not been answered yet.
  const maskAt = (step: number, l: number): Handle => {
    const mask = backend.allocate(n);
    const values = traces.flatMap((trace) => trace.leftAt.map((left) => (left > step && trace.exitLayer > l ? 1 : 0)));
    backend.write(mask, values);
    return mask;
  };
  const answers: { l: number; logits: Promise<Float32Array> | Float32Array }[] = [];
  const clsRows = batch.starts.slice(0, texts);
  const c = config.labels.length;
  let pairs = 0;
  for (const text of ids) pairs += text.length ** 2;
  const last = forwardMasked(backend, config, bert.parameters, { n, texts, pairs }, state, buffers, {
    before: (l) => maskAt(stepBefore(l), l),
    after: (l) => maskAt(stepAfterAttention(l), l),
    afterLayer(l, hidden) {
      const head = l < config.layers - 1 ? bert.exitHeads?.[l] : bert.taskHead.reads === "cls" && bert.taskHead.head;
      if (!head) return;
      answer(backend, head, hidden, clsRows, n, d, scratch.head);
      answers.push({ l, logits: backend.read(scratch.head.logits, texts * c) });
    },
  });
  const states = await backend.read(last, n * d);
  const logits: Float32Array[] = [];
  const rowsOf = (values: Float32Array, width: number): Float32Array[] =>
    ids.map((_, t) => values.slice(batch.starts[t] * width, batch.starts[t + 1] * width));
  if (bert.taskHead.reads === "tokens") {
    const { classifier } = bert.taskHead;
    applyLinear(backend, classifier, { out: scratch.tokenLogits, a: last, n });
    logits.push(...rowsOf(await backend.read(scratch.tokenLogits, n * classifier.m), classifier.m));
  }
  for (const [t, trace] of traces.entries()) {
    const at = answers.find(({ l }) => l === trace.exitLayer - 1);
    if (at) logits.push((await at.logits).slice(t * c, (t + 1) * c));
  }
  return { logits, hidden: rowsOf(states, d) };
}
