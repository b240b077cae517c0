/**
 * transformers.js as its users call it: `pipeline("text-classification")` on the characters of a text, tokenisation and softmax included.
 * Our weights lie in files of its own kind, and it may fetch nothing. In Node it runs onnxruntime-node.
 */
import type { TokenizerOptions } from "../../bert/tokenizer/tokenizer.ts";
import { TaperError } from "../../engine/errors.ts";
import { locate } from "./locate.ts";
import { sessionOptions } from "./onnxruntime.ts";
import type { AbsentTextPeer, BertWeights, PeerOptions, TextPeer, TextSession } from "./peer.ts";
import { modelName, writeTransformersFiles } from "./transformers-files.ts";

/** What is used of https://huggingface.co/docs/transformers.js/api/pipelines. */
export interface Transformers {
  readonly env: {
    allowRemoteModels: boolean;
    allowLocalModels: boolean;
    localModelPath: string;
    useFSCache: boolean;
  };
  pipeline(task: "text-classification", model: string, options: object): Promise<Pipeline>;
}

interface Pipeline {
  (text: string | readonly string[]): Promise<{ label: string; score: number }[]>;
  tokenizer(text: string, options: object): { readonly input_ids: { readonly data: BigInt64Array } };
  model(inputs: object): Promise<{ readonly logits: { readonly data: Float32Array } }>;
  dispose(): Promise<unknown>;
}

export const textPeerName = "@huggingface/transformers";
export const transformersDtypes = { f32: "fp32", int8: "q8" } as const;

export async function openTransformers(): Promise<TextPeer | AbsentTextPeer> {
  const found = locate(textPeerName);
  if ("absent" in found) return { name: textPeerName, absent: found.absent };
  const library = (await found.import("dist/transformers.node.mjs")) as Transformers;
  return {
    name: textPeerName,
    version: found.version,
    dtypes: ["f32", "int8"],
    open: (weights, tokenizer, options = {}) => open(library, weights, tokenizer, options),
  };
}

async function open(
  { env, pipeline }: Transformers,
  weights: BertWeights,
  tokenizer: TokenizerOptions,
  { threads = 1, dtype = "f32" }: PeerOptions,
): Promise<TextSession> {
  const files = await writeTransformersFiles(weights, tokenizer, dtype);
  try {
    // Its settings belong to the process; nobody else here uses the library.
    Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, useFSCache: false });
    env.localModelPath = files.home;
    const classify = await pipeline("text-classification", modelName, {
      device: "cpu",
      dtype: transformersDtypes[dtype],
      local_files_only: true,
      session_options: { ...sessionOptions, intraOpNumThreads: threads },
    });
    const encode = (text: string) => classify.tokenizer(text, { padding: true, truncation: true });
    return {
      ids: (text) => Array.from(encode(text).input_ids.data, Number),
      logits: async (text) => (await classify.model(encode(text))).logits.data,
      run: (text) => classify(text),
      dispose: async () => void (await classify.dispose()),
    };
  } finally {
    await files.remove();
  }
}

/**
 * Whether it makes our tokens of text t. Where a text is cut off after `maxLength` tokens, false: transformers.js cuts off [SEP] as well,
 * so the work is the same but the logits are not. Throws ERR_BACKEND for any other difference: it would be timed on another text.
 */
export function sameIds(
  found: readonly number[],
  expected: readonly number[],
  { who, t, maxLength }: { readonly who: string; readonly t: number; readonly maxLength: number },
): boolean {
  const at = Math.max(found.length, expected.length) - 1;
  const differs = Array.from({ length: at + 1 }, (_, i) => i).find((i) => found[i] !== expected[i]);
  if (differs === undefined) return true;
  if (found.length === maxLength && expected.length === maxLength && differs === at) return false;
  throw new TaperError(
    "ERR_BACKEND",
    `${who}: expected our ${expected.length} tokens of text ${t}, found ${found.length}, the first other one at ${differs} ` +
      `(${found[differs]} for ${expected[differs]}): its time would be that of another text.`,
  );
}
