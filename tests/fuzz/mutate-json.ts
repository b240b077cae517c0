/** Damage to a JSON file that knows it is one: types swapped, numbers out of range, names of the prototype, depth, keys twice or gone. */
import type { Random } from "../../engine/random.ts";

export const pick = <T>(random: Random, list: readonly T[]): T => list[random.integer(list.length)];

/** Tokens that `JSON.stringify` would not write: they are put in as text. */
const tokens = [
  ...["1e400", "-1e400", "-0", "1e-400", "9007199254740993", "1".repeat(400), "0.1e1", "NaN", "Infinity", "undefined"],
  ...["0x10", "'a'", "tru", "", "[", '"\\ud800"', '"\\u0000"', '"\t"', '{"__proto__":{"d":1}}', '{"a":1,"a":2}'],
  nested("[", "]", 300),
  nested('{"a":', "}", 300, "1"),
  nested("[", "]", 20_000),
];

function nested(open: string, close: string, depth: number, inside = ""): string {
  return open.repeat(depth) + inside + close.repeat(depth);
}

const numbers = [
  ...[0, 1, 2, 3, 5, 7, 8, 16, 64, 255, 256, 1000, 65535, 65536, 1e5, 1e6, 1e7, 1e9],
  ...[-1, -2, -1e9, 0.5, 1.5, -0.5, 1e-12, 1e-300, 1e300, 2 ** 31, 2 ** 32, 2 ** 33, 2 ** 53, 2 ** 53 - 1, -(2 ** 53)],
];
/** Among them the ways out of a directory that are planted beside models on the disk (disk.ts). */
export const paths = [
  ...["../outside/shard.safetensors", "link.safetensors", "loop.safetensors", "linked", "../outside", "/etc/passwd"],
  ...["..", ".", "./model.safetensors", "..\\outside\\shard.safetensors", "model.safetensors\0", "1_Pooling/../linked"],
  ...["%2e%2e/outside", "file:///etc/passwd", "C:\\x.safetensors", "~/x.safetensors", "con.safetensors"],
];
const strings = [
  ...["", " ", "NaN", "-1", "0", "1e9", "true", "null", "toString", "__proto__", "constructor", "hasOwnProperty", "\0"],
  ...["a\0b", "\ud800", "e\u0301", "😀", "x".repeat(5000), "[CLS]", "[UNK]", "##a", "<s>", "</s>", "<unk>", "Ġ", "a b"],
  ...[
    "(a+)+$",
    "(",
    "\\",
    "a|b",
    ".*",
    "\n",
    "\u2028",
    "gelu",
    "relu",
    "gelu_new",
    "silu",
    "bert",
    "distilbert",
    "roberta",
  ],
  ...["xlm-roberta", "BertModel", "BertForMaskedLM", "BertForTokenClassification", "BertForQuestionAnswering"],
  ...[
    "RobertaModel",
    "DistilBertModel",
    "DistilBertForSequenceClassification",
    "absolute",
    "relative_key",
    "int8",
    "f32",
  ],
  ...["single_label_classification", "multi_label_classification", "regression", "F32", "F16", "BF16", "I8", "I64"],
  ...[
    "F64",
    "BOOL",
    "F8_E4M3",
    "X",
    "BPE",
    "WordPiece",
    "Unigram",
    "WordLevel",
    "ByteLevel",
    "Metaspace",
    "NFC",
    "Sequence",
  ],
  ...["RobertaProcessing", "BertProcessing", "TemplateProcessing", "BertPreTokenizer", "lost answers", "disagreement"],
];
const keys = [
  ...["__proto__", "constructor", "toString", "", "0", "1", "length", "architectures", "model_type", "hidden_size"],
  ...[
    "num_labels",
    "id2label",
    "problem_type",
    "layer_norm_eps",
    "is_decoder",
    "position_embedding_type",
    "pad_token_id",
  ],
  ...["type_vocab_size", "max_position_embeddings", "hidden_act", "activation", "dim", "schemaVersion", "skim", "exit"],
  ...[
    "predictorWidth",
    "attentionThresholds",
    "heads",
    "quantization",
    "dtype",
    "dials",
    "certificate",
    "keepThreshold",
  ],
  ...["attentionThreshold", "entropy", "patience", "confidence", "deadlineMs", "do_lower_case", "strip_accents"],
  ...["tokenize_chinese_chars", "model_max_length", "added_tokens", "normalizer", "pre_tokenizer", "post_processor"],
  ...["decoder", "model", "vocab", "merges", "type", "content", "id", "unk_token", "continuing_subword_prefix"],
  ...[
    "end_of_word_suffix",
    "byte_fallback",
    "ignore_merges",
    "fuse_unk",
    "dropout",
    "cache_capacity",
    "lstrip",
    "rstrip",
  ],
  ...["single_word", "normalized", "special", "use_regex", "add_prefix_space", "trim_offsets", "sep", "cls", "prefix"],
  ...[
    "weight_map",
    "metadata",
    "shape",
    "data_offsets",
    "__metadata__",
    "path",
    "max_seq_length",
    "added_tokens_decoder",
  ],
  ...["pooling_mode_max_tokens", "pooling_mode_cls_token", "additional_special_tokens", "remove_space", "legacy"],
];

const RAW = "\ue000";

export function strange(random: Random): unknown {
  switch (random.integer(8)) {
    case 0:
      return pick<unknown>(random, [null, true, false, [], {}, [[]], [null], [0], [1, 2], { a: 1 }]);
    case 1:
    case 2:
      return pick(random, numbers);
    case 3:
      return RAW + random.integer(tokens.length);
    case 4:
      return pick(random, paths);
    default:
      return pick(random, strings);
  }
}

type Parent = Record<string, unknown> | unknown[];

/** Sets an own property whatever its name is: an assignment to `__proto__` would not. A list keeps its length. */
function put(parent: Parent, key: string, value: unknown): void {
  if (Array.isArray(parent) && key === "length") return;
  Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true });
}

function nearby(random: Random, value: unknown): unknown {
  if (typeof value === "number") {
    return pick(random, [value + 1, value - 1, -value, 2 * value, value / 2, value + 0.5, String(value), [value]]);
  }
  if (typeof value === "string") {
    const cut = random.integer(value.length + 1);
    const changed = [
      `${value}x`,
      value.slice(0, cut),
      value.toUpperCase(),
      `${value}\0`,
      `../${value}`,
      [value],
      value + value,
    ];
    return pick<unknown>(random, changed);
  }
  if (typeof value === "boolean") return pick<unknown>(random, [!value, Number(value), String(value)]);
  if (Array.isArray(value)) {
    const [first] = value as unknown[];
    return pick<unknown>(random, [
      [],
      [...value, first],
      value.slice(1),
      [...value].reverse(),
      { ...value },
      [value],
      first,
    ]);
  }
  return pick<unknown>(random, [[value], Object.values(value ?? {}), Object.keys(value ?? {}), null]);
}

/** A key of an object or list, and where it leads: further down two times of three. */
function choose(random: Random, root: Parent): [Parent, string] | undefined {
  let parent = root;
  for (;;) {
    const names = Object.keys(parent);
    if (names.length === 0) return undefined;
    const key = pick(random, names);
    const child = (parent as Record<string, unknown>)[key];
    const goesOn =
      typeof child === "object" && child !== null && Object.keys(child).length > 0 && random.integer(3) > 0;
    if (!goesOn) return [parent, key];
    parent = child as Parent;
  }
}

function change(random: Random, root: Parent): void {
  const chosen = choose(random, root);
  if (chosen === undefined) return;
  const [parent, key] = chosen;
  const values = parent as Record<string, unknown>;
  switch (random.integer(8)) {
    case 0:
      delete values[key];
      return;
    case 1: {
      const other = choose(random, root);
      if (other !== undefined) put(parent, key, (other[0] as Record<string, unknown>)[other[1]]);
      return;
    }
    case 2:
      put(parent, pick(random, keys), strange(random));
      return;
    case 3: {
      const value = values[key];
      delete values[key];
      put(parent, pick(random, [...keys, `${key}x`, key.slice(1), key.toUpperCase()]), value);
      return;
    }
    case 4:
    case 5:
      put(parent, key, nearby(random, values[key]));
      return;
    default:
      put(parent, key, strange(random));
  }
}

/** The text of a JSON file with one or two changes. What was no JSON object or list comes back as it is. */
export function mutateJson(random: Random, text: string): string {
  const root: unknown = JSON.parse(text);
  if (typeof root !== "object" || root === null) return text;
  if (random.integer(40) === 0) return written(strange(random));
  change(random, root as Parent);
  if (random.integer(4) === 0) change(random, root as Parent);
  return written(root);
}

function written(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    // A part was put into itself.
    return "{";
  }
  return text.replace(new RegExp(`"${RAW}(\\d+)"`, "g"), (_, number) => tokens[Number(number)]);
}
