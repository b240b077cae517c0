/**
 * ONNX Runtime twice: its native build for Node, and its WebAssembly build, which in Node runs as it would in a browser.
 * Both are given the same models, written by bench/onnx/.
 */
import { TaperError } from "../../engine/errors.ts";
import { bertModel } from "../onnx/bert.ts";
import { productModel } from "../onnx/product.ts";
import { pad, split } from "./dense.ts";
import { locate } from "./locate.ts";
import type { AbsentPeer, Peer, PeerName, PeerOptions } from "./peer.ts";

/** What is used of the API that both have. */
export interface Ort {
  readonly env: { readonly wasm: { numThreads?: number }; logLevel?: string };
  readonly Tensor: new (
    type: "float32" | "int32",
    data: Float32Array | Int32Array,
    shape: readonly number[],
  ) => OrtTensor;
  readonly InferenceSession: { create(model: Uint8Array | string, options: object): Promise<OrtSession> };
}

interface OrtTensor {
  readonly data: Float32Array | Int32Array;
  readonly dispose?: () => void;
}

interface OrtSession {
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
}

export async function onnxruntimeNode(): Promise<Peer | AbsentPeer> {
  const name = "onnxruntime-node";
  const found = locate(name);
  if ("absent" in found) return { name, absent: found.absent };
  const ort = found.require(name) as Ort;
  return peer(name, found.version, ort, (threads) => ({ executionProviders: ["cpu"], intraOpNumThreads: threads }));
}

export async function onnxruntimeWeb(): Promise<Peer | AbsentPeer> {
  const name = "onnxruntime-web";
  const found = locate(name);
  if ("absent" in found) return { name, absent: found.absent };
  const ort = (await found.import("dist/ort.node.min.mjs")) as Ort;
  return peer(name, found.version, ort, (threads) => {
    takeThreads(ort, threads);
    return { executionProviders: ["wasm"] };
  });
}

/** The module's threads are started with the first session; later wishes would be ignored without a word. */
function takeThreads({ env }: Ort, threads: number): void {
  const taken = env.wasm.numThreads;
  if (taken !== undefined && taken !== threads) {
    throw new TaperError(
      "ERR_OPTION",
      `onnxruntime-web runs on ${taken} threads in this process and cannot change to ${threads}; use a process for each.`,
    );
  }
  env.wasm.numThreads = threads;
}

function peer(name: PeerName, version: string, ort: Ort, place: (threads: number) => object): Peer {
  const open = (model: Uint8Array, { threads = 1 }: PeerOptions): Promise<OrtSession> =>
    ort.InferenceSession.create(model, { ...sessionOptions, ...place(threads) });
  return {
    name,
    version,
    dtypes: ["f32", "int8"],
    maxThreads: Number.POSITIVE_INFINITY,
    async product(product, options = {}) {
      const session = await open(productModel(product, options.dtype ?? "f32"), options);
      return {
        async run(a, n) {
          const { out } = await session.run({ a: new ort.Tensor("float32", a, [n, product.k]) });
          return out.data as Float32Array;
        },
        dispose: () => session.release(),
      };
    },
    async bert(weights, options = {}) {
      const { dtype = "f32", padding = false } = options;
      const session = await open(bertModel(weights, { dtype, padding }), options);
      return {
        async run(texts) {
          const { ids, lengths, longest } = pad(texts, padding);
          const { logits } = await session.run({
            ids: new ort.Tensor("int32", ids, [texts.length, longest]),
            ...(padding && { lengths: new ort.Tensor("int32", lengths, [texts.length]) }),
          });
          return split(logits.data as Float32Array, texts.length);
        },
        dispose: () => session.release(),
      };
    },
  };
}

/** Everything that makes it faster; 3 are errors, as notes on the form of a model are no news. */
export const sessionOptions = {
  graphOptimizationLevel: "all",
  executionMode: "sequential",
  interOpNumThreads: 1,
  logSeverityLevel: 3,
} as const;
