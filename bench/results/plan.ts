/**
 * What a page of results is made of: tasks, each with its test files, the models that are compared on it and the figures of others that
 * stand beside. One JSON object, checked whole before anything runs. Paths are relative to the working directory.
 */
import type { Dials } from "../../bert/dials.ts";
import { parseDials } from "../../bert/taper-config.ts";
import { Reader } from "../../train/reader.ts";

/**
 * dense: all layers, trained for itself; the first of a task is what speed-ups are relative to. static: a dense model with fewer layers.
 * ours: skims and exits. width: only skims, depth: only exits, each trained for itself. ablation: anything else worth a row.
 */
export const roles = ["dense", "static", "ours", "width", "depth", "ablation"] as const;
export type Role = (typeof roles)[number];

export interface PlannedModel {
  /** The row's name; models of one name are runs of one recipe with different seeds. */
  readonly name: string;
  readonly role: Role;
  readonly directory: string;
  /** Instead of the directory's own. */
  readonly dials: Dials | undefined;
  /** Other dials to answer the same texts with: how accuracy gives way to speed. */
  readonly curve: readonly Dials[];
}

/** A row of another's paper: its baseline is another model, its texts may be others. */
export interface Published {
  readonly name: string;
  /** As published, with its baseline and what it costs. */
  readonly figures: string;
}

export interface PlannedTask {
  readonly name: string;
  readonly kind: "classification" | "truecasing";
  /** Test files; read one after another. */
  readonly data: readonly string[];
  /** Of each file. */
  readonly limit: number | undefined;
  /** Files that the bag of bigrams learns from; none: no such row. */
  readonly bigrams: readonly string[];
  /** Tokens: the upper ends of the first and the second bucket of lengths. */
  readonly buckets: readonly [number, number];
  /** Texts to time. */
  readonly timedTexts: number;
  readonly models: readonly PlannedModel[];
  readonly published: readonly Published[];
}

const taskNames = ["name", "kind", "data", "limit", "bigrams", "buckets", "timedTexts", "models", "published"];

/** Throws ERR_CONFIG; `where` names the file. */
export function parsePlan(json: unknown, where: string): PlannedTask[] {
  const top = new Reader(json, where, ["tasks"]);
  const { tasks } = top.json;
  if (!Array.isArray(tasks) || tasks.length === 0) throw top.error("tasks", "a list of at least one task");
  return tasks.map((task, i) => parseTask(task, `${where}: task ${i + 1}`));
}

function parseTask(json: unknown, where: string): PlannedTask {
  const task = new Reader(json, where, taskNames);
  const list = <T>(name: "models" | "published", parse: (item: unknown, where: string) => T, least: number): T[] => {
    const items = task.json[name] ?? [];
    if (!Array.isArray(items) || items.length < least) throw task.error(name, `a list of at least ${least}`);
    return items.map((item, i) => parse(item, `${where}: ${name} ${i + 1}`));
  };
  const data = task.texts("data") ?? [];
  if (data.length === 0) throw task.error("data", "a list of test files");
  const { buckets = [35, 70] } = task.json;
  if (!isBuckets(buckets)) throw task.error("buckets", "two rising numbers of tokens");
  const models = list("models", parseModel, 1);
  if (models[0].role !== "dense") throw task.error("models", `a first model with role "dense"`);
  return {
    name: needed(task, "name"),
    kind: task.one("kind", ["classification", "truecasing"], "classification"),
    data,
    limit: task.json.limit === undefined ? undefined : task.number("limit", 0, 1, 1e9, true),
    bigrams: task.texts("bigrams") ?? [],
    buckets,
    timedTexts: task.number("timedTexts", 100, 0, 1e6, true),
    models,
    published: list("published", parsePublished, 0),
  };
}

function parseModel(json: unknown, where: string): PlannedModel {
  const model = new Reader(json, where, ["name", "role", "directory", "dials", "curve"]);
  const { curve = [] } = model.json;
  if (!Array.isArray(curve)) throw model.error("curve", "a list of dials");
  return {
    name: needed(model, "name"),
    role: model.one("role", roles),
    directory: needed(model, "directory"),
    dials: model.json.dials === undefined ? undefined : parseDials(model.json.dials, where),
    curve: curve.map((dials, i) => parseDials(dials, `${where}: curve ${i + 1}`)),
  };
}

function parsePublished(json: unknown, where: string): Published {
  const row = new Reader(json, where, ["name", "figures"]);
  return { name: needed(row, "name"), figures: needed(row, "figures") };
}

function needed(reader: Reader, name: string): string {
  const found = reader.text(name);
  if (found === undefined) throw reader.error(name, "a text");
  return found;
}

function isBuckets(value: unknown): value is [number, number] {
  if (!Array.isArray(value) || value.length !== 2) return false;
  return value.every((end) => Number.isInteger(end) && end >= 1) && value[0] < value[1];
}
