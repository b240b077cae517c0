/**
 * What a run leaves on disk: a model directory in Hugging Face's format that grows better (config.json, model.safetensors, vocab.txt,
 * tokenizer_config.json, taperbert.json), and beside it train.json (the config), train-log.jsonl and checkpoint.safetensors (all
 * that is needed to go on bit-equal). Every file is written whole or not at all.
 */
import { appendFile, mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { configToJson } from "../bert/config.ts";
import { type TaperConfig, taperSchemaVersion } from "../bert/taper-config.ts";
import { show, TaperError } from "../engine/errors.ts";
import { writeFileAtomically } from "../engine/files.ts";
import { parseMetadata, parseSafetensors, writeSafetensors } from "../engine/safetensors.ts";
import type { TrainConfig } from "./config.ts";
import type { SharedState } from "./exchange.ts";
import type { Layout } from "./layout.ts";
import { tensorsOf } from "./layout.ts";
import type { Prepared } from "./prepare.ts";

/** What must be the same for a run to go on bit-equal. */
export interface RunIdentity {
  readonly workers: number;
  readonly variant: string;
  /** Of the data set, as token ids. */
  readonly data: number;
}

export interface StoredRun {
  /** Steps done. */
  readonly step: number;
  /** The RunIdentity as JSON. */
  readonly identity: string;
}

const stateNames = ["values", "first", "second"] as const;

export class RunDirectory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  private at(file: string): string {
    return join(this.path, file);
  }

  async create(): Promise<void> {
    try {
      await mkdir(this.path, { recursive: true });
    } catch (error) {
      throw new TaperError("ERR_FILE", `${this.path} cannot be made: ${(error as Error).message}`, { cause: error });
    }
  }

  /** The config that a run here was started with; undefined if there is no run. */
  async storedConfig(): Promise<unknown> {
    const text = await this.read("train.json");
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text.toString());
    } catch (error) {
      throw new TaperError("ERR_CONFIG", `${this.at("train.json")}: expected JSON; ${(error as Error).message}.`, {
        cause: error,
      });
    }
  }

  /** Whether there is a model here that was written after the checkpoint, as the last of what is saved together. */
  async hasModelOfCheckpoint(): Promise<boolean> {
    const [model, checkpoint] = await Promise.all(
      ["model.safetensors", "checkpoint.safetensors"].map((name) => stat(this.at(name)).catch(() => undefined)),
    );
    return model !== undefined && checkpoint !== undefined && model.mtimeMs >= checkpoint.mtimeMs;
  }

  /** The first file of a model that is here without a run that made it; undefined if there is none. */
  async modelOfOthers(): Promise<string | undefined> {
    for (const name of ["config.json", "model.safetensors", "model.safetensors.index.json"]) {
      if (await stat(this.at(name)).catch(() => undefined)) return this.at(name);
    }
    return undefined;
  }

  /** Starts an empty log and stores what the run is. */
  async begin(config: TrainConfig): Promise<void> {
    await writeFileAtomically(this.at("train-log.jsonl"), "");
    await writeFileAtomically(this.at("train.json"), `${JSON.stringify(config, null, 2)}\n`);
  }

  /** The labelled texts that this run never trains on, for whoever chooses dials. */
  async writeHeldOut({ set, heldOut, sources, pairs }: Prepared): Promise<void> {
    if (sources.length === 0 || heldOut.length === 0) return;
    const isTagged = set.tags.length > 0;
    const columns = pairs.size > 0 ? ["sentence1", "sentence2"] : ["sentence"];
    const rows = heldOut.map((i) => {
      const texts = pairs.size > 0 ? (pairs.get(i) ?? [sources[i], ""]) : [sources[i]];
      const cells = texts.map((text) => text.replace(/[\t\r\n]/g, " "));
      return isTagged ? cells : [...cells, set.labels[i]];
    });
    const header = isTagged ? columns : [...columns, "label"];
    await writeFileAtomically(
      this.at("held-out.tsv"),
      [header, ...rows].map((cells) => `${cells.join("\t")}\n`).join(""),
    );
  }

  async log(record: object): Promise<void> {
    const file = this.at("train-log.jsonl");
    try {
      await appendFile(file, `${JSON.stringify(record)}\n`);
    } catch (error) {
      throw new TaperError("ERR_FILE", `${file} cannot be written: ${(error as Error).message}`, { cause: error });
    }
  }

  /** `step` is the number of steps done. */
  async writeCheckpoint(state: SharedState, step: number, identity: RunIdentity): Promise<void> {
    const tensors = new Map(stateNames.map((name) => [name, { shape: [state[name].length], data: state[name] }]));
    const metadata = { step: String(step), identity: JSON.stringify(identity) };
    await writeFileAtomically(this.at("checkpoint.safetensors"), writeSafetensors(tensors, { dtype: "F32", metadata }));
  }

  /** Fills `state` from the checkpoint; undefined if there is none. */
  async readCheckpoint(state: SharedState): Promise<StoredRun | undefined> {
    const where = this.at("checkpoint.safetensors");
    const bytes = await this.read("checkpoint.safetensors");
    if (bytes === undefined) return undefined;
    const metadata = parseMetadata(bytes, where);
    const tensors = parseSafetensors(bytes, where);
    for (const name of stateNames) {
      const values = tensors.get(name)?.read();
      if (values?.length !== state[name].length) {
        throw new TaperError("ERR_CHECKPOINT", `${where}: "${name}" does not fit the model of this run.`);
      }
      state[name].set(values);
    }
    const step = Number(metadata.get("step"));
    if (!Number.isSafeInteger(step) || step < 0) {
      throw new TaperError(
        "ERR_CHECKPOINT",
        `${where}: metadata "step": expected a whole number from 0; found ${show(metadata.get("step"))}.`,
      );
    }
    return { step, identity: metadata.get("identity") ?? "" };
  }

  /** Throws ERR_CHECKPOINT if a run of this identity would not go on bit-equal. */
  checkIdentity(stored: StoredRun, identity: RunIdentity): void {
    const expected = JSON.stringify(identity);
    if (stored.identity === expected) return;
    throw new TaperError(
      "ERR_CHECKPOINT",
      `${this.path}: the run was interrupted with ${stored.identity}; with ${expected} it would not go on bit-equal.`,
    );
  }

  /** The model as it is now. */
  async writeModel(
    train: TrainConfig,
    { config, taper }: Prepared,
    layout: Layout,
    values: Float32Array,
  ): Promise<void> {
    const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
    const architectures = train.recipe === "mlm" ? { architectures: ["BertForMaskedLM"] } : {};
    await writeFileAtomically(this.at("config.json"), json({ ...configToJson(config), ...architectures }));
    await writeFileAtomically(
      this.at("taperbert.json"),
      json({ schemaVersion: taperSchemaVersion, ...withThresholds(taper, layout, values) }),
    );
    const settings = "tokenizer_config.json";
    const found = new Map<string, Uint8Array | string>();
    for (const name of ["vocab.txt", "tokenizer.json", settings]) {
      const bytes = await readIfThere(join(train.vocabulary, name));
      if (bytes !== undefined) found.set(name, bytes);
    }
    // A vocabulary of which nothing is said is that of an uncased model, as the tokenizer took it; now it is said.
    if (!found.has(settings) && !found.has("tokenizer.json")) found.set(settings, json({ do_lower_case: true }));
    for (const [name, content] of found) await writeFileAtomically(this.at(name), content);
    const bytes = writeSafetensors(tensorsOf(layout, values), { dtype: train.dtype, metadata: { format: "pt" } });
    await writeFileAtomically(this.at("model.safetensors"), bytes);
  }

  private read(file: string): Promise<Buffer | undefined> {
    return readIfThere(this.at(file));
  }
}

/** θ as it has been learned, where it is; a threshold below 0 keeps what 0 keeps. */
function withThresholds(taper: TaperConfig, { segments }: Layout, values: Float32Array): TaperConfig {
  const apart = segments.filter(({ learns }) => learns === "apart");
  if (apart.length === 0) return taper;
  const attentionThresholds = apart.map(({ offset }) => Math.max(0, values[offset]));
  return { ...taper, skim: { ...taper.skim, attentionThresholds } };
}

export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new TaperError("ERR_FILE", `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
