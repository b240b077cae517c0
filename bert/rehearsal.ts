/**
 * Operands are checked once, not at every operation: a model's buffers are planned for the most rows that a forward holds, and every size
 * that a contract knows grows with rows. So each operation is checked as it would be with all rows there, and after that only run.
 * It runs nothing itself.
 */
import { answer } from "../exit/head.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import { scoreRows } from "../skim/predictor.ts";
import type { Bert } from "./bert.ts";
import { embedTokens } from "./embeddings.ts";
import { attend, feedForward } from "./layer.ts";
import type { Scratch } from "./scratch.ts";

/**
 * The backend for forwards of this model in this scratch memory: its operations are checked here, and no more. A backend that has no
 * halves (a counting one, say) is returned as it is. Throws ERR_INPUT and ERR_DISPOSED as `op` does.
 */
export function rehearsed(backend: InferenceBackend, bert: Bert, scratch: Scratch): InferenceBackend {
  const { halves } = backend;
  if (halves === undefined) return backend;
  const checking: InferenceBackend = { ...backend, op: halves.check, write: () => undefined };
  const { config, parameters, predictors, exitHeads = [], taskHead } = bert;
  const { capacity: n, rows, layer: buffers, head, predictor, output, origin, importance } = scratch;
  const { hidden, spare, index, starts } = rows;
  const { d, h, eps } = config;
  const sizes = { n, texts: n, pairs: n, d, h, eps };
  embedTokens(checking, parameters.embeddings, config, n, { ...scratch, summed: spare, out: hidden });
  for (const layer of parameters.layers) {
    attend(checking, layer, sizes, { out: spare, hidden, starts, importance }, buffers);
    feedForward(checking, layer, sizes, { out: spare, hidden }, buffers);
  }
  if (predictor) for (const one of predictors ?? []) scoreRows(checking, one, hidden, n, d, predictor);
  const heads = taskHead.reads === "cls" ? [...exitHeads, taskHead.head] : exitHeads;
  const allRows = new Int32Array(n);
  for (const { pooler, classifier } of heads) answer(checking, { pooler, classifier }, hidden, allRows, n, d, head);
  checking.op("gather", { out: spare, table: hidden, index, n, d, rows: n });
  checking.op("scatter", { out: output, x: spare, index: origin, n, d, rows: n });
  return { ...backend, op: halves.run };
}
