/**
 * A Hugging Face checkpoint as a source of parameters. Names are looked up as they are, without the "bert." prefix (a bare
 * `BertModel`), and with the old names of layer normalisation (gamma, beta). Every shape is checked against the config.
 */
import type { Handle } from "../engine/backend.ts";
import { nearestName, TaperError } from "../engine/errors.ts";
import type { StoredTensor } from "../engine/safetensors.ts";
import { transpose, view } from "../engine/view.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import type { ParameterSource } from "./parameters.ts";

export class Checkpoint<T extends { readonly shape: readonly number[] }> {
  private readonly tensors: ReadonlyMap<string, T>;
  private readonly where: string;

  /** `where` names the file in errors. */
  constructor(tensors: ReadonlyMap<string, T>, where: string) {
    this.tensors = tensors;
    this.where = where;
  }

  has(name: string): boolean {
    return this.find(name) !== undefined;
  }

  /** A tensor, whatever it is filed under. Throws ERR_CHECKPOINT if it is missing or of another shape. */
  tensor(name: string, shape: readonly number[]): T {
    const tensor = this.get(name);
    if (tensor.shape.length !== shape.length || tensor.shape.some((side, axis) => side !== shape[axis])) {
      throw new TaperError(
        "ERR_CHECKPOINT",
        `${this.where}: tensor "${name}" has shape [${tensor.shape}], expected [${shape}]; config.json and checkpoint do not fit together.`,
      );
    }
    return tensor;
  }

  private find(name: string): T | undefined {
    for (const candidate of [name, name.replace(/^bert\./, "")]) {
      const tensor = this.tensors.get(candidate) ?? this.tensors.get(oldNormName(candidate));
      if (tensor !== undefined) return tensor;
    }
    return undefined;
  }

  private get(name: string): T {
    const tensor = this.find(name);
    if (tensor !== undefined) return tensor;
    const near = nearestName(name, [...this.tensors.keys()]);
    const hint = near === undefined ? "" : `; the nearest name there is "${near}"`;
    throw new TaperError(
      "ERR_CHECKPOINT",
      `${this.where}: tensor "${name}" is missing (with or without the "bert." prefix)${hint}. The file has ${this.tensors.size} tensors.`,
    );
  }
}

function oldNormName(name: string): string {
  return name.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(/LayerNorm\.bias$/, "LayerNorm.beta");
}

/** Puts a checkpoint's parameters onto a backend. */
export function checkpointSource(checkpoint: Checkpoint<StoredTensor>, backend: InferenceBackend): ParameterSource {
  return parameterSource(backend, (name, shape) => checkpoint.tensor(name, shape).read());
}

/** Puts parameters onto a backend, whatever `read` takes them from. */
export function parameterSource(
  backend: InferenceBackend,
  read: (name: string, shape: readonly number[]) => Float32Array,
): ParameterSource {
  const stacked = (names: readonly string[], shape: readonly number[]): Float32Array => {
    if (names.length === 1) return read(names[0], shape);
    const size = shape.reduce((a, b) => a * b, 1);
    const all = new Float32Array(names.length * size);
    for (const [i, name] of names.entries()) all.set(read(name, shape), i * size);
    return all;
  };
  return {
    linear(names, m, k): Handle {
      return backend.pack(transpose(view(stacked(names, [m, k]), [m * names.length, k])));
    },
    vector(names, length): Handle {
      return backend.upload(view(stacked(names, [length]), [names.length * length]));
    },
    table(name, rows, d): Handle {
      return backend.upload(view(read(name, [rows, d]), [rows, d]));
    },
  };
}
