/** The flags of every command that runs a model: which one, on what, and how it may narrow. */
import { type BackendName, type ChosenBackend, chooseBackend, type Simd } from "../bert/choose-backend.ts";
import type { Dials } from "../bert/dials.ts";
import { checkDtype } from "../bert/dtype.ts";
import { type LoadOptions, loadModel } from "../bert/load.ts";
import type { Model } from "../bert/model.ts";
import { TaperError } from "../engine/errors.ts";
import type { Variant } from "../kernels/assembler/variant.ts";
import { type Flags, numberOf, required, type Values } from "./flags.ts";

export const backendFlags = {
  backend: { type: "string", value: "NAME", help: "auto (the default), wasm, scalar or reference" },
  dtype: { type: "string", value: "NAME", help: "f32 or int8: what the encoder computes in; default: as it is stored" },
  simd: {
    type: "string",
    value: "BUILD",
    help: "of the wasm backend: wide (Node 24 on x64; the default where it runs), relaxed, plain, or auto: as the library chooses, never wide",
  },
  threads: { type: "string", value: "N", help: "at most so many threads to each operation; default 1" },
} as const satisfies Flags;

export const modelFlags = {
  model: {
    type: "string",
    value: "DIR",
    help: "model directory: config.json, model.safetensors, vocab.txt, taperbert.json",
  },
  ...backendFlags,
} as const satisfies Flags;

export const dialFlags = {
  "keep-threshold": {
    type: "string",
    value: "T",
    help: "skim: keep a token if its keep score is above T; higher keeps less",
  },
  "attention-threshold": {
    type: "string",
    value: "T",
    help: "skim: scale the learned attention thresholds by T; higher keeps less",
  },
  "no-skim": { type: "boolean", help: "no token leaves early" },
  entropy: { type: "string", value: "T", help: "exit when the normalised entropy is at most T; higher is faster" },
  confidence: { type: "string", value: "T", help: "exit when the probability is at least T; lower is faster" },
  patience: { type: "string", value: "K", help: "exit after K equal answers in a row" },
  "deadline-ms": { type: "string", value: "MS", help: "exit at the first head after MS milliseconds" },
  "no-exit": { type: "boolean", help: "every text goes through all layers" },
} as const satisfies Flags;

/** The dials that flags ask for; what they do not name stays the model's default. Throws ERR_OPTION. */
export function dialsOf(values: Values<typeof dialFlags>): Dials {
  const skim = {
    ...given("keepThreshold", numberOf(values["keep-threshold"], "keep-threshold")),
    ...given("attentionThreshold", numberOf(values["attention-threshold"], "attention-threshold", { least: 0 })),
  };
  const exit = {
    ...given("entropy", numberOf(values.entropy, "entropy", { least: 0, most: 1 })),
    ...given("confidence", numberOf(values.confidence, "confidence", { least: 0, most: 1 })),
    ...given("patience", numberOf(values.patience, "patience", { least: 1, whole: true })),
    ...given("deadlineMs", numberOf(values["deadline-ms"], "deadline-ms", { least: 0 })),
  };
  return {
    ...given("skim", choose("no-skim", values["no-skim"], skim)),
    ...given("exit", choose("no-exit", values["no-exit"], exit)),
  };
}

function given<K extends string, T>(name: K, value: T | undefined): { [P in K]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { [P in K]?: T };
}

function choose<T extends object>(flag: string, off: boolean | undefined, dials: T): false | T | undefined {
  const named = Object.keys(dials);
  if (!off) return named.length > 0 ? dials : undefined;
  if (named.length === 0) return false;
  throw new TaperError("ERR_OPTION", `--${flag} and a value for ${named.join(", ")} contradict each other; give one.`);
}

/**
 * Where to compute, as flags say. A process of our own may set V8's flags, so the wide build is what nobody need ask for: where it
 * cannot run, the next one does. Throws ERR_OPTION and ERR_BACKEND.
 */
export function openBackend(values: Values<typeof backendFlags>): Promise<ChosenBackend> {
  const { backend = "auto", simd } = values;
  const threads = numberOf(values.threads, "threads", { least: 1, whole: true });
  const choice = { simd: (simd ?? "wide") as Simd, fallBack: simd === undefined, threads };
  return chooseBackend(backend as BackendName, choice);
}

/** The build that trains, which is always one of the wasm backend: as flags say, else the widest that runs here. Throws as `openBackend`. */
export async function trainingVariant(simd: string | undefined): Promise<Variant> {
  const { backend } = await openBackend({ backend: "wasm", simd });
  backend.dispose();
  return backend.variant as Variant;
}

/** The same as options for `loadModel` in another process, of whichever build: only what flags name. */
export function loadOptions(values: Values<typeof backendFlags>): LoadOptions & { backend?: BackendName } {
  return {
    ...given("backend", values.backend as BackendName | undefined),
    ...given("simd", values.simd as Simd | undefined),
    ...given("dtype", checkDtype(values.dtype, "--dtype")),
    ...given("threads", numberOf(values.threads, "threads", { least: 1, whole: true })),
  };
}

/** Loads a model onto the backend that flags ask for, or onto one that was chosen before. */
export async function openModel(
  directory: string,
  values: Values<typeof backendFlags>,
  chosen?: ChosenBackend,
): Promise<Model> {
  const dtype = given("dtype", checkDtype(values.dtype, "--dtype"));
  const { backend } = chosen ?? (await openBackend(values));
  return loadModel(directory, { backend, ...dtype });
}

/** Loads the model that flags name, lets `use` have it, and gives its memory back whatever happens. */
export async function withModel<T>(
  command: string,
  values: Values<typeof modelFlags>,
  use: (model: Model, directory: string) => Promise<T>,
): Promise<T> {
  const directory = required(values.model, command, "model");
  const model = await openModel(directory, values);
  try {
    return await use(model, directory);
  } finally {
    await model.dispose();
  }
}
