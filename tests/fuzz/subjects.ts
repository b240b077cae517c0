/** The models that fuzzing damages: every task, family, kind of tokenizer and way of storing weights once, as small as they can be. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BertConfig, configOfShape } from "../../bert/config.ts";
import { quantiseModel } from "../../bert/quantise-model.ts";
import type { TaperConfig } from "../../bert/taper-config.ts";
import type { FileBytes } from "../../engine/model-files.ts";
import { parseSafetensors, type StoredType, writeSafetensors } from "../../engine/safetensors.ts";
import { byteLevelJson, byteLevelTokens } from "../support/byte-level-json.ts";
import {
  asDistilbert,
  asRoberta,
  distilbertConfig,
  encoderTensors,
  robertaConfig,
  type Tensors,
} from "../support/relatives.ts";
import { tinyVocabulary, writeTinyModel } from "../support/tiny-model.ts";

export interface Subject {
  readonly name: string;
  readonly files: FileBytes;
}

const shape = { layers: 2, d: 8, h: 2, f: 12 } as const;
const vocabularyText = `${tinyVocabulary.join("\n")}\n`;
const config = (changes: Partial<BertConfig> = {}): BertConfig =>
  configOfShape(shape, { vocabulary: tinyVocabulary.length, maxPositions: 24, ...changes });

const everyPart: TaperConfig = {
  skim: { predictorWidth: 4, attentionThresholds: [0.02, 0.05] },
  exit: { heads: true },
  dials: { skim: { keepThreshold: 0, attentionThreshold: 1 }, exit: { entropy: 0.9, patience: 2 } },
};

const wordPieceJson = {
  version: "1.0",
  added_tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map((content, id) => ({ id, content, special: true })),
  normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, lowercase: false },
  model: {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    vocab: Object.fromEntries(tinyVocabulary.map((token, id) => [token, id])),
  },
};
const tokenizerConfig = {
  do_lower_case: true,
  strip_accents: null,
  tokenize_chinese_chars: true,
  model_max_length: 24,
};

const utf8 = (content: object | string): Uint8Array =>
  new TextEncoder().encode(typeof content === "string" ? content : JSON.stringify(content));

function filesIn(directory: string): Record<string, Uint8Array> {
  // Copies: a slice of a Buffer would be the same memory.
  const read = (name: string): Uint8Array => Uint8Array.from(readFileSync(join(directory, name)));
  return Object.fromEntries(readdirSync(directory).map((name) => [name, read(name)]));
}

function tiny(changes: Partial<BertConfig>, taper: TaperConfig, seed: number): Record<string, Uint8Array> {
  const directory = writeTinyModel(config(changes), taper, seed);
  try {
    return filesIn(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function int8(): Promise<Record<string, Uint8Array>> {
  const from = writeTinyModel(config(), everyPart, 4);
  const to = mkdtempSync(join(tmpdir(), "taper-int8-"));
  try {
    await quantiseModel(from, to);
    return filesIn(to);
  } finally {
    for (const directory of [from, to]) rmSync(directory, { recursive: true });
  }
}

/** Two files and their index. */
function sharded(checkpoint: Uint8Array): Record<string, Uint8Array> {
  const tensors = tensorsOf(checkpoint);
  const map: Record<string, string> = {};
  const shards = [0, 1].map((part): [string, Uint8Array] => {
    const name = `model-0000${part + 1}-of-00002.safetensors`;
    const own = tensors.filter((_, i) => i % 2 === part);
    for (const [tensor] of own) map[tensor] = name;
    return [name, stored(new Map(own))];
  });
  return {
    "model.safetensors.index.json": utf8({ metadata: { total_size: checkpoint.length }, weight_map: map }),
    ...Object.fromEntries(shards),
  };
}

const tensorsOf = (checkpoint: Uint8Array) =>
  [...parseSafetensors(checkpoint, "tiny")].map(([name, { shape, read }]) => [name, { shape, data: read() }] as const);
const stored = (tensors: Tensors, dtype: StoredType = "F32"): Uint8Array => writeSafetensors(tensors, { dtype });

/** All of them; the same bytes every time. */
export async function makeSubjects(): Promise<Subject[]> {
  const classifier = tiny({ labels: ["no", "yes", "maybe"] }, everyPart, 1);
  const tagger = tiny({ task: "token-classification" }, { skim: everyPart.skim! }, 2);
  const embedder = tiny({ task: "embedding" }, {}, 3);
  const relative = { ...shape, vocabulary: tinyVocabulary.length, positions: 24 };
  const roberta = { ...shape, vocabulary: byteLevelTokens.length, positions: 26 };
  const { "model.safetensors": taggerWeights, "vocab.txt": _, ...taggerFiles } = tagger;
  return [
    { name: "classifier", files: { ...classifier, "tokenizer_config.json": utf8(tokenizerConfig) } },
    { name: "tagger", files: { ...taggerFiles, ...sharded(taggerWeights), "tokenizer.json": utf8(wordPieceJson) } },
    {
      name: "embedder",
      files: {
        ...embedder,
        "model.safetensors": stored(new Map(tensorsOf(embedder["model.safetensors"])), "F16"),
        "modules.json": utf8([
          { idx: 0, name: "0", path: "", type: "sentence_transformers.models.Transformer" },
          { idx: 1, name: "1", path: "1_Pooling", type: "sentence_transformers.models.Pooling" },
          { idx: 2, name: "2", path: "2_Normalize", type: "sentence_transformers.models.Normalize" },
        ]),
        "1_Pooling/config.json": utf8({
          word_embedding_dimension: shape.d,
          pooling_mode_cls_token: false,
          pooling_mode_mean_tokens: true,
        }),
        "sentence_bert_config.json": utf8({ max_seq_length: 20, do_lower_case: false }),
      },
    },
    { name: "int8", files: await int8() },
    {
      name: "distilbert",
      files: {
        "config.json": utf8(distilbertConfig(relative, "QuestionAnswering")),
        "vocab.txt": utf8(vocabularyText),
        "model.safetensors": stored(asDistilbert(encoderTensors(5, relative, 0), "QuestionAnswering"), "BF16"),
      },
    },
    {
      name: "roberta",
      files: {
        "config.json": utf8({ ...robertaConfig(roberta), problem_type: "multi_label_classification" }),
        "tokenizer.json": utf8(byteLevelJson),
        "tokenizer_config.json": utf8({
          model_max_length: 24,
          add_prefix_space: false,
          tokenizer_class: "RobertaTokenizer",
        }),
        "model.safetensors": stored(asRoberta(encoderTensors(6, roberta, 1))),
      },
    },
  ];
}
