/**
 * TensorFlow.js on its WebAssembly backend: float32, one thread (it has more in browsers only). It has no BERT, so here is a dense one in
 * its operations, with the fused product where there is one.
 */
import { TaperError } from "../../engine/errors.ts";
import { pad, split } from "./dense.ts";
import { locate } from "./locate.ts";
import type { AbsentPeer, Peer, PeerOptions } from "./peer.ts";
import type { Tf, TfWasm } from "./tfjs.ts";
import { tfjsBert } from "./tfjs-bert.ts";

const name = "tfjs-wasm";

export async function tfjsWasm(): Promise<Peer | AbsentPeer> {
  const core = locate("@tensorflow/tfjs-core");
  const found = locate("@tensorflow/tfjs-backend-wasm");
  if ("absent" in core) return { name, absent: core.absent };
  if ("absent" in found) return { name, absent: found.absent };
  const tf = found.require("@tensorflow/tfjs-core") as Tf;
  const wasm = found.require("@tensorflow/tfjs-backend-wasm") as TfWasm;
  wasm.setWasmPaths(found.path("dist/"));
  if (!(await tf.setBackend("wasm"))) return { name, absent: "its WebAssembly backend does not start here" };
  return {
    name,
    version: found.version,
    dtypes: ["f32"],
    maxThreads: 1,
    async product({ weights, bias, k, m }, options = {}) {
      checkOptions(options);
      const b = tf.tensor(weights, [k, m], "float32");
      const added = bias && tf.tensor(bias, [m], "float32");
      return {
        async run(a, n) {
          const input = tf.tensor(a, [n, k], "float32");
          const out = tf.fused.matMul({ a: input, b, bias: added });
          const values = await out.data();
          input.dispose();
          out.dispose();
          return values;
        },
        async dispose() {
          b.dispose();
          added?.dispose();
        },
      };
    },
    async bert(weights, options = {}) {
      checkOptions(options);
      const { padding = false } = options;
      const { forward, tensors } = tfjsBert(tf, weights);
      return {
        async run(texts) {
          const batch = pad(texts, padding);
          const out = tf.tidy(() => forward(batch, padding));
          const logits = await out.data();
          out.dispose();
          return split(logits, texts.length);
        },
        async dispose() {
          for (const tensor of tensors) tensor.dispose();
        },
      };
    },
  };
}

function checkOptions({ threads = 1, dtype = "f32" }: PeerOptions): void {
  if (dtype !== "f32") throw new TaperError("ERR_OPTION", `${name} computes in f32 only, found dtype "${dtype}".`);
  if (threads !== 1)
    throw new TaperError("ERR_OPTION", `${name} runs on one thread in Node, found threads ${threads}.`);
}
