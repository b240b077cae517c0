/**
 * Who takes part: ours in every build that can run here, transformers.js on its native runtime and on WebAssembly, each in 32 and in 8
 * bits, with the same random weights on disk. Whoever cannot take part is listed with the reason.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BertConfig } from "../../bert/config.ts";
import { quantiseModel } from "../../bert/quantise-model.ts";
import { readTokenizerOptions } from "../../bert/tokenizer/load.ts";
import { builtDirectory } from "../measured-process.ts";
import { type Located, locate } from "../peers/locate.ts";
import { sessionOptions } from "../peers/onnxruntime.ts";
import type { Dtype } from "../peers/peer.ts";
import { textPeerName, transformersDtypes } from "../peers/transformers.ts";
import { modelName, writeTransformersFiles } from "../peers/transformers-files.ts";
import { randomDirectory } from "../random-directory.ts";
import { randomWeights } from "../random-model.ts";
import { refusal } from "../variants.ts";
import type { LibraryTask } from "./task.ts";

export interface LibraryContender {
  readonly name: string;
  readonly dtype: Dtype;
  readonly task: Omit<LibraryTask, "mode" | "texts">;
}

export interface Contenders {
  readonly contenders: readonly LibraryContender[];
  readonly missing: readonly { readonly name: string; readonly absent: string }[];
  /** Deletes the models. */
  remove(): Promise<void>;
}

const seed = 1;
const dtypes: readonly Dtype[] = ["f32", "int8"];
const builds = ["relaxed", "wide"] as const;

/** `vocabulary` is the text of a vocab.txt. The models are files in temporary directories until `remove`. */
export async function libraryContenders(
  config: BertConfig,
  vocabulary: string,
  { threads }: { readonly threads: number },
): Promise<Contenders> {
  const removals: (() => Promise<void>)[] = [];
  const remove = async (): Promise<void> => {
    for (const one of removals) await one();
  };
  try {
    const f32 = await randomDirectory(config, {}, seed, vocabulary);
    removals.push(f32.remove);
    const int8 = `${f32.path}-int8`;
    removals.push(() => rm(int8, { recursive: true, force: true }));
    await quantiseModel(f32.path, int8);
    const contenders: LibraryContender[] = [];
    const missing: { name: string; absent: string }[] = [];
    for (const simd of builds) {
      const why = refusal(simd);
      if (why !== undefined) missing.push({ name: `taperbert, ${simd}`, absent: `cannot run here: ${why}` });
      else {
        const entry = pathToFileURL(join(builtDirectory(), "index.js")).href;
        for (const [dtype, model] of [["f32", f32.path] as const, ["int8", int8] as const]) {
          const task = { library: "taperbert", entry, model, options: { simd, threads } } as const;
          contenders.push({ name: `taperbert, ${simd}, ${dtype}`, dtype, task });
        }
      }
    }
    const library = locate(textPeerName);
    if ("absent" in library) missing.push({ name: textPeerName, absent: library.absent });
    else {
      const tokenizer = { ...(await readTokenizerOptions(f32.path)), maxLength: config.maxPositions };
      for (const dtype of dtypes) {
        const weights = { config, read: randomWeights(seed) };
        const files = await writeTransformersFiles(weights, tokenizer, dtype, { padding: true });
        removals.push(files.remove);
        contenders.push(...transformersContenders(library, join(files.home, modelName), dtype, threads));
      }
    }
    return { contenders, missing, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** On what it installs with itself, and on the WebAssembly that it runs in browsers: its Node build knows no device "wasm", but takes a host's runtime. */
function transformersContenders(library: Located, model: string, dtype: Dtype, threads: number): LibraryContender[] {
  const url = (file: string): string => pathToFileURL(library.path(file)).href;
  const web = "node_modules/onnxruntime-web/dist";
  const common = { library: "transformers.js", entry: url("dist/transformers.node.mjs"), model } as const;
  const session = { ...sessionOptions, intraOpNumThreads: threads };
  const named = (runtime: string) => `transformers.js, ${runtime}, ${dtype === "int8" ? "q8" : dtype}`;
  const options = { dtype: transformersDtypes[dtype], device: "cpu", session_options: session };
  const onWasm = { ...options, device: "auto", session_options: { ...session, executionProviders: ["wasm"] } };
  const runtime = { entry: url(`${web}/ort.node.min.mjs`), files: url(`${web}/`), threads };
  return [
    { name: named("native"), dtype, task: { ...common, options } },
    { name: named("wasm"), dtype, task: { ...common, options: onWasm, runtime } },
  ];
}
