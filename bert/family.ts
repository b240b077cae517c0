/**
 * Encoders that are BERT under other names: DistilBERT and RoBERTa (with XLM-RoBERTa and CamemBERT). Their configurations and their
 * checkpoints are read as BERT's, so that nothing else here knows of them. What they do otherwise is three things: a table of segments
 * that DistilBERT lacks is zeros, RoBERTa's first position comes after its padding's, and DistilBERT's pooler has a ReLU (config.ts).
 * Sources: https://arxiv.org/abs/1910.01108 and https://arxiv.org/abs/1907.11692
 */

import type { TensorEntry } from "../engine/safetensors-header.ts";
import type { TensorFile } from "../engine/safetensors-source.ts";

type Json = Readonly<Record<string, unknown>>;

export interface Family {
  /** What their architectures' names begin with. */
  readonly architecture: string;
  /** Their `config.json` under BERT's names; what is missing there stays missing. */
  config(json: Json): Json;
  /** The name that one of their tensors has in a BERT. */
  nameOf(name: string): string;
  /** Their checkpoint under BERT's names. `json` is their own config. */
  checkpoint(file: TensorFile, json: Json): TensorFile;
}

const bert: Family = {
  architecture: "Bert",
  config: (json) => json,
  nameOf: (name) => name,
  checkpoint: (file) => file,
};

const distilbert: Family = {
  architecture: "DistilBert",
  config: (json) => ({
    ...json,
    hidden_size: json.dim,
    num_hidden_layers: json.n_layers,
    num_attention_heads: json.n_heads,
    intermediate_size: json.hidden_dim,
    hidden_act: json.activation,
    type_vocab_size: 1,
  }),
  nameOf: distilbertName,
  checkpoint: (file, { dim }) => {
    const renamed = asBert(file, "DistilBERT", (name, entry) => [distilbertName(name), entry]);
    if (typeof dim !== "number") return renamed;
    const zeros: TensorEntry = { dtype: "F32", shape: [1, dim], begin: 0, end: 4 * dim };
    return {
      ...renamed,
      entries: new Map([...renamed.entries, ["bert.embeddings.token_type_embeddings.weight", zeros]]),
      read: async (entry, into) => (entry === zeros ? void into.fill(0) : renamed.read(entry, into)),
    };
  },
};

const positions = "bert.embeddings.position_embeddings.weight";

function robertaLike(architecture: string): Family {
  return {
    architecture,
    config: (json) => {
      const { max_position_embeddings: rows = 512 } = json;
      return { ...json, max_position_embeddings: typeof rows === "number" ? rows - firstPosition(json) : rows };
    },
    nameOf: robertaName,
    checkpoint: (file, json) =>
      asBert(file, "RoBERTa", (name, entry) => {
        const ours = robertaName(name);
        return [ours, ours === positions ? withoutRows(entry, firstPosition(json)) : entry];
      }),
  };
}

const families: Readonly<Record<string, Family>> = {
  bert,
  distilbert,
  roberta: robertaLike("Roberta"),
  "xlm-roberta": robertaLike("XLMRoberta"),
  camembert: robertaLike("Camembert"),
};

/** The values of `model_type` that there is a family for. */
export const modelTypes: readonly string[] = Object.keys(families);

/** The family of a `model_type`; BERT's own if there is none. */
export function familyOf({ model_type: type = "bert" }: Json): Family | undefined {
  return typeof type === "string" && Object.hasOwn(families, type) ? families[type] : undefined;
}

/** The row of the first token; the rows up to the padding's belong to no position. */
function firstPosition({ pad_token_id: padding = 1 }: Json): number {
  return Number.isSafeInteger(padding) && Number(padding) >= 0 ? Number(padding) + 1 : 2;
}

/** A table without its first rows. */
function withoutRows(entry: TensorEntry, count: number): TensorEntry {
  const [rows, ...others] = entry.shape;
  if (!(rows > count)) return entry;
  const rowBytes = (entry.end - entry.begin) / rows;
  return { ...entry, shape: [rows - count, ...others], begin: entry.begin + count * rowBytes };
}

/** The file with each tensor under another name, perhaps cut. */
function asBert(
  file: TensorFile,
  family: string,
  rename: (name: string, entry: TensorEntry) => [string, TensorEntry],
): TensorFile {
  const entries = new Map([...file.entries].map(([name, entry]) => rename(name, entry)));
  return { ...file, where: `${file.where} (${family}'s names read as BERT's)`, entries };
}

function robertaName(name: string): string {
  return name
    .replace(/^(roberta\.)?(embeddings|encoder|pooler)\./, "bert.$2.")
    .replace(/^classifier\.dense\./, "bert.pooler.dense.")
    .replace(/^classifier\.out_proj\./, "classifier.");
}

const distilbertParts: Readonly<Record<string, string>> = {
  "attention.q_lin": "attention.self.query",
  "attention.k_lin": "attention.self.key",
  "attention.v_lin": "attention.self.value",
  "attention.out_lin": "attention.output.dense",
  sa_layer_norm: "attention.output.LayerNorm",
  "ffn.lin1": "intermediate.dense",
  "ffn.lin2": "output.dense",
  output_layer_norm: "output.LayerNorm",
};

function distilbertName(name: string): string {
  return name
    .replace(/^(distilbert\.)?embeddings\./, "bert.embeddings.")
    .replace(/^pre_classifier\./, "bert.pooler.dense.")
    .replace(/^(?:distilbert\.)?transformer\.layer\.(\d+)\.(.+)\.(weight|bias|weight_scale)$/, (all, l, part, kind) =>
      Object.hasOwn(distilbertParts, part) ? `bert.encoder.layer.${l}.${distilbertParts[part]}.${kind}` : all,
    );
}
