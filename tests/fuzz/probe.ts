/**
 * What every input is held to. A damaged model loads and answers with finite numbers, or is refused with a code; it is refused before
 * memory is asked for that its files do not warrant, and nothing outside of its directory is opened. A text is answered, whatever it is.
 */
import { sep } from "node:path";
import { loadModel } from "../../bert/load.ts";
import type { Model, Text } from "../../bert/model.ts";
import type { Encoding } from "../../bert/tokenizer/tokenizer.ts";
import { TaperError } from "../../engine/errors.ts";
import type { ModelSource } from "../../engine/model-files.ts";
import { lender } from "./backends.ts";
import { openedDuring, plant } from "./disk.ts";
import type { Input } from "./inputs.ts";
import { randomText, textSorts } from "./texts.ts";

/** Values that a refused model may have asked for: those of its files as float32, twice, and a little. */
const allowed = (bytes: number): number => 2 * bytes + 4096;

const lenders = { scalar: lender("scalar"), wasm: lender("wasm") } as const;

/** "loaded" or the code of the refusal. Throws for anything else: that is what is looked for. */
export async function probe(input: Input): Promise<string> {
  const { files, onDisk, random } = input;
  if (!onDisk) return load(files, input);
  const { directory, remove } = plant(files, random);
  try {
    let outcome = "";
    const opened = await openedDuring(async () => {
      outcome = await load(directory, input);
    });
    for (const path of opened) {
      if (!path.startsWith(directory + sep)) throw new Error(`a file outside of the directory was opened: ${path}`);
    }
    return outcome;
  } finally {
    remove();
  }
}

async function load(source: ModelSource, { files, backend: name, dtype, random }: Input): Promise<string> {
  const { backend, asked } = lenders[name]();
  let model: Model;
  try {
    model = await loadModel(source, { backend, dtype, tokenBudget: 32 });
  } catch (error) {
    const bytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);
    if (asked() > allowed(bytes)) {
      throw new Error(`refused after asking for ${asked()} values, for ${bytes} bytes of files`, { cause: error });
    }
    return codeOf(error);
  }
  try {
    await ask(model, [
      "a good film \ud800",
      randomText(random, textSorts[random.integer(textSorts.length - 1)], ["film"]),
    ]);
    await ask(model, ["", "x"]);
    return "loaded";
  } catch (error) {
    return codeOf(error);
  } finally {
    await model.dispose();
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof TaperError)) throw error;
  if (error.message.length > 2000) throw new Error(`a message of ${error.message.length} characters`, { cause: error });
  return error.code;
}

/** Texts through what the model is for; a pair where it takes one. Throws if an answer is not finite, or an offset not in its text. */
export async function ask(model: Model, texts: readonly string[]): Promise<void> {
  const { task } = model.config;
  const [first, second = ""] = texts;
  const pair: Text = [first, second];
  for (const text of [...texts, pair]) checkEncoding(model, text);
  if (task === "embedding") {
    for (const vector of await model.embed([...texts, pair])) finite(vector);
  } else if (task === "question-answering") {
    const { score, start, end } = await model.answer(first, second);
    finite([score]);
    if (!(start >= 0 && start <= end && end <= second.length)) throw new Error(`an answer from ${start} to ${end}`);
  } else if (task === "token-classification") {
    for (const tags of await model.tag(texts)) finite(tags.map(({ score }) => score));
  } else {
    for (const { scores, score } of await model.classify([...texts, pair])) finite([score, ...scores]);
    const { logits } = await model.forwardEncodings([model.encode(first)], { skim: false, exit: false });
    finite(logits[0]);
  }
}

function finite(values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) throw new Error(`value ${i} of an answer is ${values[i]}`);
  }
}

function checkEncoding(model: Model, text: Text): void {
  const { ids, tokens, offsets, segments }: Encoding = model.encode(text);
  const lengths = [tokens.length, offsets.length, segments.length];
  if (lengths.some((length) => length !== ids.length))
    throw new Error(`an encoding of lengths ${ids.length}, ${lengths}`);
  if (ids.length > model.maxLength) throw new Error(`${ids.length} tokens, at most ${model.maxLength} allowed`);
  const parts = typeof text === "string" ? [text] : text;
  for (const [i, [start, end]] of offsets.entries()) {
    const part = parts[segments[i]];
    if (part === undefined || !(start >= 0 && start <= end && end <= part.length)) {
      throw new Error(`token ${i} of segment ${segments[i]} is from ${start} to ${end}`);
    }
    if (!(ids[i] >= 0 && ids[i] < model.config.vocabulary)) throw new Error(`token ${i} has the id ${ids[i]}`);
  }
}
