/**
 * A model directory into one whose encoder is stored in 8 bits, as `loadModel` with `dtype: "int8"` would compute it: loading then has
 * nothing left to do. Embedding tables become F16; everything else stays as it is. It changes no dials. Node only.
 */
import { copyFile, mkdir, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { TaperError } from "../engine/errors.ts";
import { writeFileAtomically } from "../engine/files.ts";
import { exists, readJson } from "../engine/read-file.ts";
import { type StoredTensor, type StoredType, type WritableTensor, writeSafetensors } from "../engine/safetensors.ts";
import { readSafetensorsFile } from "../engine/safetensors-file.ts";
import { isInt8Weight, quantised, scaleName } from "./dtype.ts";
import { goldenFile } from "./golden.ts";
import { readConfigs } from "./load.ts";
import { taperSchemaVersion } from "./taper-config.ts";

/** What a directory has besides the checkpoint and `taperbert.json`. */
const copied = ["config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json", goldenFile];
const floats: readonly string[] = ["F32", "F16", "BF16"] satisfies StoredType[];

export interface QuantisedSizes {
  /** Bytes of model.safetensors before and after. */
  readonly before: number;
  readonly after: number;
  /** Tensors that are now 8-bit. */
  readonly tensors: number;
}

/**
 * Writes the directory `to`, made if need be; the checkpoint last.
 * @throws TaperError ERR_OPTION if both are the same, ERR_CONFIG if `from` is in 8 bits already, ERR_FILE, ERR_CHECKPOINT
 */
export async function quantiseModel(from: string, to: string): Promise<QuantisedSizes> {
  if (resolve(from) === resolve(to)) {
    throw new TaperError(
      "ERR_OPTION",
      `${to}: expected a directory other than the model's; its weights would be lost.`,
    );
  }
  const { taper, json } = await readConfigs(from);
  if ((json.model_type ?? "bert") !== "bert") {
    throw new TaperError(
      "ERR_CONFIG",
      `${from}: expected "model_type" to be "bert", found ${JSON.stringify(json.model_type)}; load it with dtype: "int8" instead.`,
    );
  }
  if (taper.quantization !== undefined) {
    throw new TaperError("ERR_CONFIG", `${from}: expected a model in floats; its taperbert.json says it is quantised.`);
  }
  const checkpoint = `${from}/model.safetensors`;
  const tensors = quantiseTensors(await readSafetensorsFile(checkpoint));
  const bytes = writeSafetensors(tensors, { dtype: "F32" });
  await mkdir(to, { recursive: true }).catch((cause) => {
    throw new TaperError("ERR_FILE", `${to} cannot be made: ${(cause as Error).message}`, { cause });
  });
  for (const name of copied) if (await exists(`${from}/${name}`)) await copyFile(`${from}/${name}`, `${to}/${name}`);
  const own = (await readJson(`${from}/taperbert.json`, { optional: true })) as object | undefined;
  const marked = { schemaVersion: taperSchemaVersion, ...own, quantization: { dtype: "int8" } };
  await writeFileAtomically(`${to}/taperbert.json`, `${JSON.stringify(marked, undefined, 2)}\n`);
  await writeFileAtomically(`${to}/model.safetensors`, bytes);
  const quantised = [...tensors.values()].filter(({ data }) => data instanceof Int8Array);
  return { before: (await stat(checkpoint)).size, after: bytes.length, tensors: quantised.length };
}

/** Tensors that are no floats (position ids of old checkpoints) are left out: nothing reads them. */
function quantiseTensors(stored: ReadonlyMap<string, StoredTensor>): Map<string, WritableTensor> {
  const tensors = new Map<string, WritableTensor>();
  for (const [name, tensor] of stored) {
    const { shape, dtype } = tensor;
    if (!floats.includes(dtype)) continue;
    if (isInt8Weight(name) && shape.length === 2) {
      const { m, values, scales } = quantised(tensor.read(), shape[0], shape[1]);
      tensors.set(name, { shape, data: values });
      tensors.set(scaleName(name), { shape: [m], data: scales, dtype: "F32" });
    } else {
      const isTable = /embeddings\.[^.]*embeddings\.weight$/.test(name);
      tensors.set(name, {
        shape,
        data: tensor.read(),
        dtype: isTable && dtype === "F32" ? "F16" : (dtype as StoredType),
      });
    }
  }
  // The widest values first: then all of them lie aligned.
  const width = ({ data, dtype }: WritableTensor): number => (data instanceof Int8Array ? 1 : dtype === "F32" ? 4 : 2);
  return new Map([...tensors].sort(([, a], [, b]) => width(b) - width(a)));
}
