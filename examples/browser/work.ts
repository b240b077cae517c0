/**
 * What a worker of the demo does, whatever it computes on: load the model, read the newest text, then time it. Answers are sent before
 * anything is timed, and a newer text ends the timing: nobody waits for a figure while he types.
 */
import { measure } from "../../bench/measure.ts";
import { type FileBytes, type LoadOptions, loadModel, type Model } from "../../index.ts";
import type { Reply, Request } from "./protocol.ts";

const names = ["config.json", "taperbert.json", "tokenizer_config.json", "vocab.txt", "model.safetensors"];

/** Answers the page's requests from now on. */
export async function work(options: () => Promise<LoadOptions>): Promise<void> {
  const newest = newestRequest();
  try {
    const [files, chosen] = await Promise.all([fetchModel(new URL("model/", location.href)), options()]);
    const model = await loadModel(files, chosen);
    const { name, variant } = model.backend;
    say({ kind: "ready", runs: variant ? `${name}, ${variant}` : name, defaults: model.defaults });
    for (;;) await answer(model, await newest.take(), newest.waits);
  } catch (error) {
    say({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}

/** Milliseconds from which a reading is not repeated for the sake of settling. */
const slow = 100;
const dense = { skim: false, exit: false } as const;

async function answer(model: Model, { id, text, dials }: Request, outdated: () => boolean): Promise<void> {
  const explanation = await model.explain(text, dials);
  say({ kind: "read", id, explanation });
  const encoding = model.encode(text);
  const ways = {
    narrowed: () => model.forwardEncodings([encoding], dials),
    dense: () => model.forwardEncodings([encoding], dense),
  };
  const superseded = new Error("a newer text came");
  // Before each run, outside its time: let messages in.
  const prepare = async () => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (outdated()) throw superseded;
  };
  try {
    const { ms, samples, ratio } = await measure(ways, {
      runs: 25,
      seconds: 0.6,
      warmup: explanation.ms < slow ? 3 : 1,
      prepare,
    });
    const [narrowed, whole] = [ms.narrowed.median, ms.dense.median];
    const { median } = ratio("dense", "narrowed");
    say({ kind: "timed", id, ms: narrowed, denseMs: whole, ratio: median, rounds: samples.dense.length });
  } catch (error) {
    if (error !== superseded) throw error;
  }
}

/** The page's requests, of which only the newest counts. */
function newestRequest(): { take(): Promise<Request>; waits(): boolean } {
  let newest: Request | undefined;
  let wake = (): void => {};
  addEventListener("message", ({ data }: MessageEvent<Request>) => {
    newest = data;
    wake();
  });
  return {
    async take() {
      if (newest === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const request = newest as unknown as Request;
      newest = undefined;
      return request;
    },
    waits: () => newest !== undefined,
  };
}

async function fetchModel(directory: URL): Promise<FileBytes> {
  const fetched = names.map(async (name) => {
    const response = await fetch(new URL(name, directory));
    if (!response.ok) throw new Error(`${response.url}: the server answered ${response.status}.`);
    return [name, new Uint8Array(await response.arrayBuffer())] as const;
  });
  return Object.fromEntries(await Promise.all(fetched));
}

const say = (reply: Reply): void => postMessage(reply);
