/** The page of pipeline.mjs: the same texts classified in a worker, as is the default on a page, and on the page's own thread. */
import { TaperError } from "../../engine/errors.ts";
import type { LabelScore } from "../../pipeline/outputs.ts";
import { pipeline } from "../../pipeline/pipeline.ts";

const dense = { skim: false, exit: false } as const;
const texts = Array.from({ length: 400 }, (_, i) =>
  i % 2 === 0 ? "a gorgeous, witty, seductive movie" : `${i} reasons why it never took off, each duller than the last`,
);

/** What the page could draw while something was done. */
async function framesDuring(work: () => Promise<unknown>): Promise<number> {
  let frames = 0;
  let isDone = false;
  const count = (): void => {
    frames++;
    if (!isDone) requestAnimationFrame(count);
  };
  await new Promise((resolve) => requestAnimationFrame(resolve));
  requestAnimationFrame(count);
  await work();
  isDone = true;
  return frames;
}

const said = (error: unknown): string =>
  error instanceof TaperError ? `${error.code}: ${error.message}` : String((error as Error).message);

async function classifyOn(
  worker: boolean | undefined,
): Promise<{ answers: LabelScore[]; frames: number; model: string }> {
  const classify = await pipeline("text-classification", "model", { worker });
  await classify("warm up", dense);
  let answers: LabelScore[] = [];
  const frames = await framesDuring(async () => {
    answers = await classify(texts, dense);
  });
  let model = "on the page";
  try {
    if (classify.model.config.layers !== 12) throw new Error("another model");
  } catch (error) {
    model = said(error);
  }
  await classify.dispose();
  const after = await classify("again").catch(said);
  return { answers, frames, model: `${model} ${after}` };
}

async function aborted(): Promise<object> {
  const classify = await pipeline("text-classification", "/model/");
  const stop = new AbortController();
  const many = classify([...texts, ...texts], { ...dense, signal: stop.signal });
  setTimeout(() => stop.abort(new Error("enough")), 50);
  const began = performance.now();
  const reason = await many.catch(said);
  // Waits for what the worker is still at, which should be no more than a layer.
  const [next] = await classify("a quiet joy", dense);
  const ms = performance.now() - began;
  const whole = performance.now();
  await classify([...texts, ...texts], dense);
  const { info } = classify;
  await classify.dispose();
  return { reason, next: next.label, share: ms / (performance.now() - whole), info };
}

export async function report(): Promise<object> {
  if (location.pathname === "/alone/") {
    return { failure: await pipeline("text-classification", "/model/").catch(said) };
  }
  const away = await classifyOn(undefined);
  const here = await classifyOn(false);
  const missing = await pipeline("text-classification", "nowhere").catch(said);
  return { away, here, missing, abort: await aborted() };
}

Object.assign(globalThis, { report });
