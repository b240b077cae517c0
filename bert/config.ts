/**
 * A Hugging Face `config.json` as this library understands it. Anything that would make our forward differ from the
 * one the checkpoint was trained with is refused here, not ignored.
 */
import { show, TaperError } from "../engine/errors.ts";
import { type Family, familyOf, modelTypes } from "./family.ts";

/** The sizes of a BERT: what decides what a forward costs. */
export interface BertShape {
  /** Number of layers. */
  readonly layers: number;
  /** Hidden size. */
  readonly d: number;
  /** Attention heads. */
  readonly h: number;
  /** Feed-forward size. */
  readonly f: number;
}

/** What a model's last head is for. "embedding": none, its states are the answer. */
export type Task = "sequence-classification" | "token-classification" | "question-answering" | "embedding";

/** What `config.json` says of a model, in this library's names; relatives of BERT are described as the BERT that they are read as. */
export interface BertConfig extends BertShape {
  /** Number of tokens that have an embedding. */
  readonly vocabulary: number;
  /** The most tokens that a text can have, special ones included. */
  readonly maxPositions: number;
  /** Number of segment types. */
  readonly types: number;
  /** The eps of BERT's own layer normalisations. */
  readonly eps: number;
  /** Label names in id order. */
  readonly labels: readonly string[];
  readonly task: Task;
  /** Labels that do not exclude each other: each has a probability of its own. Absent: one label for a text. */
  readonly multiLabel?: true;
  /** What follows the last head's pooler. Absent: tanh. */
  readonly poolerActivation?: "relu";
}

/** What an architecture's name ends with, after its family's. */
const taskOfArchitecture: Readonly<Record<string, Task>> = {
  ForSequenceClassification: "sequence-classification",
  ForTokenClassification: "token-classification",
  ForQuestionAnswering: "question-answering",
  Model: "embedding",
  ForMaskedLM: "embedding",
  ForPreTraining: "embedding",
};

/** Shapes with names: BERT-base and the small ones of "Well-Read Students Learn Better" (https://arxiv.org/abs/1908.08962). */
export const namedShapes: Readonly<Record<string, BertShape>> = {
  base: { layers: 12, d: 768, h: 12, f: 3072 },
  mini: { layers: 4, d: 256, h: 4, f: 1024 },
  tiny: { layers: 2, d: 128, h: 2, f: 512 },
};

/** Reads a parsed `config.json`. `where` names the file in errors. Throws ERR_CONFIG. */
export function parseConfig(json: unknown, where: string): BertConfig {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new TaperError("ERR_CONFIG", `${where}: expected a JSON object, found ${show(json)}.`);
  }
  const family = familyOf(json as Record<string, unknown>);
  if (family === undefined) {
    throw new TaperError(
      "ERR_CONFIG",
      `${where}: "model_type" is ${show((json as Record<string, unknown>).model_type)}; this library computes ${modelTypes.map(show).join(", ")} only.`,
    );
  }
  const source = family.config(json as Record<string, unknown>);
  const size = (key: string, fallback?: number): number => {
    const value = source[key] ?? fallback;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1 || value > 1e7) {
      throw new TaperError("ERR_CONFIG", `${where}: "${key}" must be a positive whole number, found ${show(value)}.`);
    }
    return value;
  };
  const only = (key: string, allowed: readonly unknown[]): void => {
    const value = source[key];
    if (value !== undefined && !allowed.includes(value)) {
      throw new TaperError(
        "ERR_CONFIG",
        `${where}: "${key}" is ${show(value)}; this library computes ${allowed.map(show).join(" or ")} only.`,
      );
    }
  };
  only("hidden_act", ["gelu"]);
  only("position_embedding_type", ["absolute"]);
  only("is_decoder", [false]);

  const d = size("hidden_size");
  const h = size("num_attention_heads");
  if (d % h !== 0) {
    throw new TaperError("ERR_CONFIG", `${where}: hidden_size ${d} is not divisible by num_attention_heads ${h}.`);
  }
  const eps = source.layer_norm_eps ?? 1e-12;
  if (typeof eps !== "number" || !(eps >= 0 && eps < 1)) {
    throw new TaperError("ERR_CONFIG", `${where}: "layer_norm_eps" must be a number in [0, 1), found ${show(eps)}.`);
  }
  const labels = parseLabels(source, where);
  return {
    layers: size("num_hidden_layers"),
    d,
    h,
    f: size("intermediate_size"),
    vocabulary: size("vocab_size"),
    maxPositions: size("max_position_embeddings", 512),
    types: size("type_vocab_size", 2),
    eps,
    labels,
    ...parseHead(source, family, labels, where),
  };
}

function parseHead(
  source: Json,
  family: Family,
  labels: readonly string[],
  where: string,
): Pick<BertConfig, "task" | "multiLabel" | "poolerActivation"> {
  const task = parseTask(source, family, where);
  if (task !== "sequence-classification") return { task };
  const problem = source.problem_type ?? "single_label_classification";
  // One label excludes nothing: its logit is scored by itself, as Hugging Face's pipelines and cross-encoders do.
  if (labels.length === 1 && problem === "single_label_classification")
    return { task, multiLabel: true, ...poolerOf(family) };
  if (problem === "multi_label_classification") return { task, multiLabel: true, ...poolerOf(family) };
  if (problem === "single_label_classification") return { task, ...poolerOf(family) };
  throw new TaperError(
    "ERR_CONFIG",
    `${where}: "problem_type" is ${show(problem)}; expected "single_label_classification" or "multi_label_classification".`,
  );
}

function poolerOf({ architecture }: Family): Pick<BertConfig, "poolerActivation"> {
  return architecture === "DistilBert" ? { poolerActivation: "relu" } : {};
}

function parseTask(source: Json, { architecture }: Family, where: string): Task {
  const { architectures = null } = source;
  if (architectures === null) return "embedding";
  const name: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  const known = Object.entries(taskOfArchitecture).map(([end, task]) => [architecture + end, task] as const);
  const task = known.find(([candidate]) => candidate === name)?.[1];
  if (task !== undefined) return task;
  throw new TaperError(
    "ERR_CONFIG",
    `${where}: "architectures" is ${show(architectures)}; expected a list with one of ${known.map(([candidate]) => candidate).join(", ")}.`,
  );
}

type Json = Readonly<Record<string, unknown>>;

function parseLabels(source: Json, where: string): string[] {
  const map = source.id2label;
  if (map === undefined || map === null) {
    const count = source.num_labels ?? 2;
    if (typeof count !== "number" || !Number.isSafeInteger(count) || count < 1 || count > 1e6) {
      throw new TaperError(
        "ERR_CONFIG",
        `${where}: "num_labels" must be a positive whole number, found ${show(count)}.`,
      );
    }
    return Array.from({ length: count }, (_, i) => `LABEL_${i}`);
  }
  if (typeof map !== "object" || Array.isArray(map) || Object.keys(map).length === 0) {
    throw new TaperError("ERR_CONFIG", `${where}: "id2label" must map ids to names, found ${show(map)}.`);
  }
  const entries = map as Record<string, unknown>;
  const count = Object.keys(entries).length;
  return Array.from({ length: count }, (_, i) => {
    const label = Object.hasOwn(entries, String(i)) ? entries[String(i)] : undefined;
    if (typeof label !== "string") {
      throw new TaperError("ERR_CONFIG", `${where}: "id2label" has ${count} entries but no name for id ${i}.`);
    }
    return label;
  });
}

/** The config of a model that has a shape and nothing else yet: bert-base-uncased's vocabulary, two labels. */
export function configOfShape(shape: BertShape, changes: Partial<BertConfig> = {}): BertConfig {
  return {
    ...shape,
    vocabulary: 30522,
    maxPositions: 512,
    types: 2,
    eps: 1e-12,
    labels: ["LABEL_0", "LABEL_1"],
    task: "sequence-classification",
    ...changes,
  };
}

/** The `config.json` that describes `config` to Hugging Face's libraries and to `parseConfig`. */
export function configToJson(config: BertConfig): Record<string, unknown> {
  const architecture = Object.entries(taskOfArchitecture).find(([, task]) => task === config.task)?.[0];
  return {
    architectures: [`Bert${architecture}`],
    model_type: "bert",
    hidden_act: "gelu",
    hidden_size: config.d,
    num_hidden_layers: config.layers,
    num_attention_heads: config.h,
    intermediate_size: config.f,
    vocab_size: config.vocabulary,
    max_position_embeddings: config.maxPositions,
    type_vocab_size: config.types,
    layer_norm_eps: config.eps,
    ...(config.multiLabel && { problem_type: "multi_label_classification" }),
    id2label: Object.fromEntries(config.labels.map((label, id) => [id, label])),
    label2id: Object.fromEntries(config.labels.map((label, id) => [label, id])),
  };
}
