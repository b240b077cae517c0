/**
 * Texts that come one by one, classified in batches without padding: as many as are there already and fit a token budget. A slow source
 * is answered text by text, a fast one in full batches; never is more than one batch held, and order is kept.
 */
import { checkSignal, macrotask, untilAborted } from "../engine/abort.ts";
import { refuseUnknown, show, TaperError } from "../engine/errors.ts";
import type { CallOptions, Classification, Model, Text } from "./model.ts";
import { checkText } from "./tokenizer/pairs.ts";
import type { Encoding } from "./tokenizer/tokenizer.ts";

/** How a stream's texts are gathered into batches. */
export interface StreamOptions {
  /** Tokens of a batch, special ones included; a longer text is a batch of its own. Default 512. */
  readonly batchTokens?: number | undefined;
}

export async function* classifyStream(
  model: Model,
  source: Iterable<Text> | AsyncIterable<Text>,
  options: CallOptions & StreamOptions,
): AsyncGenerator<Classification, void, undefined> {
  refuseUnknown(options, ["skim", "exit", "signal", "batchTokens"], "stream()");
  const { batchTokens = 512, ...call } = options;
  if (!Number.isSafeInteger(batchTokens) || batchTokens < 1) {
    throw new TaperError(
      "ERR_OPTION",
      `stream(): batchTokens must be a whole number from 1, found ${show(batchTokens)}.`,
    );
  }
  if (typeof source === "string" || !isIterable(source)) {
    throw new TaperError("ERR_INPUT", `stream(): expected an iterable of texts, found ${show(source)}.`);
  }
  checkSignal(call.signal);
  for await (const batch of batchesOf(encodingsOf(model, source), batchTokens, call.signal)) {
    yield* await model.classifyEncodings(batch, call);
  }
}

async function* encodingsOf(
  model: Model,
  source: Iterable<Text> | AsyncIterable<Text>,
): AsyncGenerator<Encoding, void, undefined> {
  let t = 0;
  for await (const text of source) yield model.encode(checkText(text, `stream(): text ${t++}`));
}

const isIterable = (source: unknown): boolean =>
  typeof source === "object" && source !== null && (Symbol.asyncIterator in source || Symbol.iterator in source);

/** Runs of what is there already; a run is also ended by the one that would take it over the budget. */
async function* batchesOf(
  encodings: AsyncGenerator<Encoding, void, undefined>,
  budget: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Encoding[], void, undefined> {
  let batch: Encoding[] = [];
  let tokens = 0;
  let next = encodings.next();
  try {
    for (;;) {
      const late = batch.length > 0 && (await isLate(next));
      if (late) {
        yield batch;
        [batch, tokens] = [[], 0];
      }
      // An error of the source comes after the answers to what came before it.
      if (batch.length > 0 && (await isRefused(next))) {
        yield batch;
        [batch, tokens] = [[], 0];
      }
      const { done, value } = await (signal === undefined ? next : untilAborted(next, signal));
      if (done) break;
      if (batch.length > 0 && tokens + value.ids.length > budget) {
        yield batch;
        [batch, tokens] = [[], 0];
      }
      batch.push(value);
      tokens += value.ids.length;
      next = encodings.next();
    }
    if (batch.length > 0) yield batch;
  } finally {
    // The reader may have gone while the source is still at its next text: neither is waited for, and its error is nobody's.
    next.catch(() => undefined);
    encodings.return().catch(() => undefined);
  }
}

async function isRefused(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => false,
    () => true,
  );
}

/** Whether everything else that waits comes before this. */
async function isLate(promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => false,
    () => false,
  );
  return Promise.race([settled, macrotask().then(() => true)]);
}
