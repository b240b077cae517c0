/**
 * How much of a whole dense forward its bare matrix products take: the same products on the same weights, without biases, activations,
 * residuals, norms, softmax and all that holds a model together. What is left over is what fusion and bookkeeping can still win.
 */
import type { Model } from "../bert/model.ts";
import type { TokenIds } from "../bert/tokenizer/tokenizer.ts";
import type { Handle } from "../engine/backend.ts";
import { view } from "../engine/view.ts";
import type { Variant } from "../kernels/assembler/variant.ts";
import type { AttentionArgs } from "../kernels/attention/contract.ts";
import { contractOf } from "../kernels/check.ts";
import type { InferenceBackend, InferenceKernelName, InferenceOps } from "../kernels/index.ts";
import type { MatmulSizes } from "../kernels/matmul/contract.ts";
import { observed } from "../kernels/observed.ts";
import { measure } from "./measure.ts";
import { median, pairwiseRatios } from "./statistics.ts";
import { settle } from "./variants.ts";

export interface ForwardShare {
  readonly model: string;
  readonly tokens: number;
  readonly by: Variant;
  readonly forwardMs: number;
  readonly productsMs: number;
  /** Time of the bare products over time of the forward, by the rounds. */
  readonly share: number;
}

interface Recorded {
  readonly name: InferenceKernelName;
  readonly args: InferenceOps[InferenceKernelName];
}

export interface RecordingBackend extends InferenceBackend {
  /** What `work` runs on the backend, with its arguments. */
  during(work: () => Promise<unknown>): Promise<readonly Recorded[]>;
}

/** A backend that can be asked what ran on it; otherwise it passes operations on. */
export function recording(backend: InferenceBackend): RecordingBackend {
  let operations: Recorded[] | undefined;
  return {
    ...observed(backend, (name, args) => void operations?.push({ name, args: { ...args } })),
    async during(work) {
      const recorded: Recorded[] = [];
      operations = recorded;
      try {
        await work();
      } finally {
        operations = undefined;
      }
      return recorded;
    },
  };
}

/** A function that runs the bare products of what one text's forward ran, on the backend that holds their operands. */
export function bareProducts(backend: InferenceBackend, operations: readonly Recorded[]): () => void {
  const steps: (() => void)[] = [];
  for (const { name, args } of operations) {
    if (name === "attention") steps.push(...attentionProducts(backend, args as AttentionArgs<Handle>));
    const product = productOf(name, args);
    if (product === undefined) continue;
    const bare = { ...product, out: backend.allocate(product.n * product.m) };
    const kernel = product.weights.kind === "int8" ? "matmulInt8" : "matmul";
    steps.push(() => backend.op(kernel, bare));
  }
  return () => {
    for (const step of steps) step();
  };
}

/** The product in an operation that reads packed weights, whatever else it fuses. */
function productOf(
  name: InferenceKernelName,
  args: object,
): (MatmulSizes & { a: Handle; weights: Handle }) | undefined {
  const { operands } = contractOf(name);
  if (operands.weights?.role !== "packed" || operands.a?.role !== "in") return undefined;
  const { n, k, m, a, weights } = args as MatmulSizes & { a: Handle; weights: Handle };
  return { n, k, m, a, weights };
}

/** Two products a head: scores and mix, with operands that lie as a product likes them best. */
function attentionProducts(backend: InferenceBackend, { n, d, h }: AttentionArgs<Handle>): (() => void)[] {
  const width = d / h;
  const numbers = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i));
  const scores = backend.allocate(n * n);
  const out = backend.allocate(n * width);
  return Array.from({ length: h }, () => {
    const a = backend.upload(view(numbers(n * width), [n, width]));
    const keys = backend.pack(view(numbers(width * n), [width, n]));
    const values = backend.pack(view(numbers(n * width), [n, width]));
    return () => {
      backend.op("matmul", { out: scores, a, weights: keys, n, k: width, m: n });
      backend.op("matmul", { out, a: scores, weights: values, n, k: n, m: width });
    };
  });
}

export interface ShareOptions {
  readonly variant: Variant;
  readonly runs?: number | undefined;
}

/** Times one text through a model whose backend records. The model must be dense. */
export async function forwardShare(
  name: string,
  model: Model,
  backend: RecordingBackend,
  text: TokenIds,
  { variant, runs = 11 }: ShareOptions,
): Promise<ForwardShare> {
  const forward = () => model.forwardEncodings([text], { skim: false, exit: false });
  const products = bareProducts(backend, await backend.during(forward));
  const functions = { forward, products };
  for (const run of Object.values(functions)) await settle(variant, run);
  const { samples } = await measure(functions, { runs, seconds: 10, warmup: 1 });
  return {
    model: name,
    tokens: text.ids.length,
    by: variant,
    forwardMs: median(samples.forward),
    productsMs: median(samples.products),
    share: median(pairwiseRatios(samples.products, samples.forward)),
  };
}
