/** The i-th damaged model of a seed: a function of the two numbers, so that any of them can be had again. */
import type { FileBytes } from "../../engine/model-files.ts";
import { Random } from "../../engine/random.ts";
import {
  type Mutation,
  mutateBytes,
  mutateCheckpoint,
  mutateJsonBytes,
  mutateVocabulary,
  resize,
} from "./mutate-files.ts";
import { pick } from "./mutate-json.ts";
import type { Subject } from "./subjects.ts";

export interface Input {
  /** Which file was damaged, or what was done to all. */
  readonly kind: string;
  readonly subject: string;
  readonly files: FileBytes;
  /** A directory with links and neighbours, instead of bytes at hand. */
  readonly onDisk: boolean;
  readonly backend: "scalar" | "wasm";
  readonly dtype: "int8" | undefined;
  /** What the model reads, if it loads. */
  readonly random: Random;
}

/** A share of inputs that are written to the disk: they cost many times as much as others. */
const diskShare = 100;

export function inputOf(seed: number, index: number, subjects: readonly Subject[]): Input {
  const random = new Random(`${seed}/file/${index}`);
  const subject = pick(random, subjects);
  const [kind, files] = damage(random, subject.files);
  return {
    kind,
    subject: subject.name,
    files,
    onDisk: random.integer(diskShare) === 0,
    backend: random.integer(8) === 0 ? "wasm" : "scalar",
    dtype: random.integer(5) === 0 ? "int8" : undefined,
    random,
  };
}

function damage(random: Random, files: FileBytes): [kind: string, files: FileBytes] {
  const names = Object.keys(files);
  const name = pick(random, names);
  switch (random.integer(24)) {
    case 0: {
      const { [name]: _, ...others } = files;
      return ["a file is missing", others];
    }
    case 1:
      return ["a file is another", { ...files, [name]: files[pick(random, names)] }];
    case 2:
      return ["a table resized", resize(random, files)];
    case 3: {
      const second = pick(random, names);
      const changed = { ...files, [name]: damaged(random, name, files[name]) };
      return ["two files", { ...changed, [second]: damaged(random, second, files[second]) }];
    }
    default: {
      const kind = name.endsWith(".safetensors") ? "*.safetensors" : name;
      return [kind, { ...files, [name]: damaged(random, name, files[name]) }];
    }
  }
}

function damaged(random: Random, name: string, bytes: Uint8Array): Uint8Array {
  const knowing: Mutation = name.endsWith(".json")
    ? mutateJsonBytes
    : name === "vocab.txt"
      ? mutateVocabulary
      : mutateCheckpoint;
  return (random.integer(5) === 0 ? mutateBytes : knowing)(random, bytes);
}
