/**
 * A model directory as transformers.js reads one: config.json, tokenizer.json, tokenizer_config.json and onnx/*.onnx, made from ours in a
 * temporary place that whoever asked for it must remove. Node only.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configToJson } from "../../bert/config.ts";
import type { TokenizerOptions } from "../../bert/tokenizer/tokenizer.ts";
import { SPECIAL_TOKENS } from "../../bert/tokenizer/vocabulary.ts";
import { bertModel } from "../onnx/bert.ts";
import type { BertWeights, Dtype } from "./peer.ts";

/** The name of the model: `model` in `home`. */
export const modelName = "model";

/** transformers.js finds the weights by its name for what they compute in. */
const onnxFiles: Readonly<Record<Dtype, string>> = { f32: "model.onnx", int8: "model_quantized.onnx" };

export interface TransformersFiles {
  /** Where the directory called `modelName` lies. */
  readonly home: string;
  remove(): Promise<void>;
}

/** `tokenizer.maxLength` is where its tokenizer cuts texts off. Texts of unequal lengths in one call need `padding`. */
export async function writeTransformersFiles(
  weights: BertWeights,
  tokenizer: TokenizerOptions,
  dtype: Dtype,
  { padding = false } = {},
): Promise<TransformersFiles> {
  const home = await mkdtemp(join(tmpdir(), "taperbert-peer-"));
  const remove = (): Promise<void> => rm(home, { recursive: true, force: true });
  const write = (file: string, json: object): Promise<void> =>
    writeFile(join(home, modelName, file), JSON.stringify(json));
  try {
    await mkdir(join(home, modelName, "onnx"), { recursive: true });
    await write("config.json", configToJson(weights.config));
    await write("tokenizer.json", tokenizerJson(tokenizer));
    await write("tokenizer_config.json", tokenizerConfigJson(tokenizer));
    const model = bertModel(weights, { dtype, padding, longIds: true });
    await writeFile(join(home, modelName, "onnx", onnxFiles[dtype]), model);
    return { home, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** BERT's uncased or cased tokenizer in the format of https://github.com/huggingface/tokenizers, version 1.0. */
function tokenizerJson({ vocabulary, addedTokens = [], ...rules }: TokenizerOptions): object {
  const { lowercase = true, stripAccents, isolateIdeographs = true } = rules;
  const id = (token: string): number => vocabulary.indexOf(token);
  const verbatim = [...new Set([...SPECIAL_TOKENS, ...addedTokens])].filter((token) => id(token) >= 0);
  const special = (token: string) => ({ SpecialToken: { id: token, type_id: 0 } });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: verbatim.map((content) => ({
      id: id(content),
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: isolateIdeographs,
      strip_accents: stripAccents ?? null,
      lowercase,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [special("[CLS]"), { Sequence: { id: "A", type_id: 0 } }, special("[SEP]")],
      pair: [],
      special_tokens: Object.fromEntries(
        ["[CLS]", "[SEP]"].map((token) => [token, { id: token, ids: [id(token)], tokens: [token] }]),
      ),
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocabulary.map((token, i) => [token, i])),
    },
  };
}

function tokenizerConfigJson({ lowercase = true, maxLength }: TokenizerOptions): object {
  return {
    tokenizer_class: "BertTokenizer",
    do_lower_case: lowercase,
    ...(maxLength !== undefined && Number.isFinite(maxLength) && { model_max_length: maxLength }),
    unk_token: "[UNK]",
    sep_token: "[SEP]",
    pad_token: "[PAD]",
    cls_token: "[CLS]",
    mask_token: "[MASK]",
  };
}
