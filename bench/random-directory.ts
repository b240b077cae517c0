/**
 * A shape as a model directory with random weights, for processes that load models by their path. It belongs to whoever asked for it and
 * must be removed. Node only.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBert } from "../bert/build.ts";
import { parameterSource } from "../bert/checkpoint.ts";
import { type BertConfig, configToJson } from "../bert/config.ts";
import type { TaperConfig } from "../bert/taper-config.ts";
import { writeSafetensors } from "../engine/safetensors.ts";
import { scalarBackend } from "../kernels/backends/scalar.ts";
import { randomWeights } from "./random-model.ts";

export interface RandomDirectory {
  readonly path: string;
  remove(): Promise<void>;
}

/** The same weights that `randomModel` has with this seed. `vocabulary` is the text of a vocab.txt of at most `config.vocabulary` tokens. */
export async function randomDirectory(
  config: BertConfig,
  taper: TaperConfig,
  seed: number,
  vocabulary: string,
): Promise<RandomDirectory> {
  const path = await mkdtemp(join(tmpdir(), "taperbert-shape-"));
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true });
  try {
    await writeFile(join(path, "config.json"), JSON.stringify(configToJson(config)));
    await writeFile(join(path, "taperbert.json"), JSON.stringify({ schemaVersion: 1, ...taper }));
    await writeFile(join(path, "vocab.txt"), vocabulary);
    await writeFile(
      join(path, "model.safetensors"),
      writeSafetensors(tensorsOf(config, taper, seed), { dtype: "F32" }),
    );
    return { path, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Every tensor that a model of this kind asks for, under the name by which it asks. */
function tensorsOf(config: BertConfig, taper: TaperConfig, seed: number) {
  const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  const weights = randomWeights(seed);
  const backend = scalarBackend();
  const source = parameterSource(backend, (name, shape) => {
    const data = weights(name, shape);
    tensors.set(name, { shape, data });
    return data;
  });
  buildBert(config, taper, source);
  backend.dispose();
  return tensors;
}
