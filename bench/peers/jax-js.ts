/**
 * jax-js on its WebAssembly backend: float32, in Node one thread. It has no BERT, so here is a dense one in its operations, compiled by its
 * `jit` once for every shape of a batch.
 */
import { TaperError } from "../../engine/errors.ts";
import { pad, split } from "./dense.ts";
import { type Jax, jaxForward, jaxParameters } from "./jax-bert.ts";
import { locate } from "./locate.ts";
import type { AbsentPeer, Peer, PeerOptions } from "./peer.ts";

const name = "jax-js";

/**
 * It asks whether there is a `Worker` whenever it compiles, takes its absence for one thread, and cannot start Node's, which onnxruntime-web
 * makes global: so there is none while it runs, which is why everything of it here is called synchronously.
 */
function withoutWorker<T>(run: () => T): T {
  const worker = Object.getOwnPropertyDescriptor(globalThis, "Worker");
  if (worker === undefined) return run();
  Reflect.deleteProperty(globalThis, "Worker");
  try {
    return run();
  } finally {
    Object.defineProperty(globalThis, "Worker", worker);
  }
}

/** Behind a text's end; exp of it is 0. */
const masked = -1e9;

export async function jaxJs(): Promise<Peer | AbsentPeer> {
  const found = locate("@jax-js/jax");
  if ("absent" in found) return { name, absent: found.absent };
  const jax = withoutWorker(() => found.require("@jax-js/jax")) as Jax;
  if (!(await withoutWorker(() => jax.init("wasm"))).includes("wasm")) {
    return { name, absent: "not timed: its WebAssembly backend does not start here" };
  }
  jax.defaultDevice("wasm");
  const { array, matmul, int32 } = jax.numpy;
  return {
    name,
    version: found.version,
    dtypes: ["f32"],
    maxThreads: 1,
    async product({ weights, bias = new Float32Array(0), k, m }, options = {}) {
      checkOptions(options);
      const b = array(weights, { shape: [k, m] });
      const added = bias.length > 0 ? array(bias, { shape: [m] }) : undefined;
      const plain = jax.jit(matmul);
      const biased = jax.jit((x: Parameters<typeof matmul>[0], y: typeof x, z: typeof x) => matmul(x, y).add(z));
      return {
        async run(a, n) {
          return withoutWorker(() => {
            const input = array(a, { shape: [n, k] });
            return (added ? biased(input, b.ref, added.ref) : plain(input, b.ref)).dataSync();
          });
        },
        async dispose() {
          plain.dispose();
          biased.dispose();
          jax.tree.dispose(added ? [b, added] : [b]);
        },
      };
    },
    async bert(weights, options = {}) {
      checkOptions(options);
      const { padding = false } = options;
      const parameters = jaxParameters(jax, weights);
      const forward = jaxForward(jax, weights.config);
      const compile = (texts: number, longest: number) =>
        jax.jit((p: typeof parameters, ids: typeof p.word, mask: typeof p.word) =>
          forward(p, ids, mask, texts, longest),
        );
      const compiled = new Map<string, ReturnType<typeof compile>>();
      return {
        async run(batch) {
          const { texts, longest, ids, lengths } = pad(batch, padding);
          const shape = `${texts} × ${longest}`;
          const run = compiled.get(shape) ?? compile(texts, longest);
          compiled.set(shape, run);
          const mask = Float32Array.from(ids, (_, i) => (i % longest < lengths[Math.floor(i / longest)] ? 0 : masked));
          const logits = withoutWorker(() =>
            run(
              jax.tree.ref(parameters),
              array(ids, { shape: [ids.length], dtype: int32 }),
              array(mask, { shape: [texts, 1, 1, longest] }),
            ).dataSync(),
          );
          return split(logits, texts);
        },
        async dispose() {
          for (const run of compiled.values()) run.dispose();
          jax.tree.dispose(parameters);
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
