/**
 * The module of a variant: every kernel's functions, assembled. Pure: bytes out, nothing compiled.
 */
import { defineAdd } from "../add/wasm.ts";
import { defineAttentionGradient } from "../attention/gradient-wasm.ts";
import { defineAttention } from "../attention/wasm.ts";
import { defineBlend } from "../blend/wasm.ts";
import { defineCrossEntropy } from "../cross-entropy/wasm.ts";
import { defineDropout } from "../dropout/wasm.ts";
import { defineEmbed } from "../embed/wasm.ts";
import { defineGather } from "../gather/wasm.ts";
import { defineGelu } from "../gelu/wasm.ts";
import { defineLayerNorm } from "../layer-norm/wasm.ts";
import { defineProduct } from "../matmul/product.ts";
import { definePacking } from "../matmul/wasm.ts";
import { defineMatmulInt8 } from "../matmul-int8/wasm.ts";
import { defineScatter } from "../scatter/wasm.ts";
import { defineSoftmax } from "../softmax/wasm.ts";
import { defineTanh } from "../tanh/wasm.ts";
import { panelWidth } from "./block.ts";
import { defineCopies } from "./copy.ts";
import { defineGemm } from "./gemm.ts";
import { vectorMath } from "./math.ts";
import { constantEnd, type MemoryImport, ModuleBuilder } from "./module.ts";
import { defineThreads } from "./threads.ts";
import type { Variant } from "./variant.ts";
import { defineWidening } from "./widen.ts";

export interface Program {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Address of the zeros among its constants. */
  readonly zeros: number;
  /** Names of the tasks, by number. */
  readonly tasks: readonly string[];
}

export function assemble(variant: Variant, memory: MemoryImport): Program {
  const module = new ModuleBuilder(memory);
  const math = vectorMath(module, variant);
  const copies = defineCopies(module);
  const width = panelWidth(variant);
  definePacking(module, width, copies);
  defineWidening(module);
  const softmax = defineSoftmax(module, math);
  defineLayerNorm(module, math);
  defineGelu(module, math);
  defineTanh(module, math);
  const { addRows } = defineAdd(module);
  defineProduct(module, variant, width, copies);
  defineMatmulInt8(module, variant, copies);
  defineAttention(module, width, { gemm: module.named("gemm"), addRows, ...softmax, ...copies });
  defineBlend(module);
  defineGather(module);
  defineScatter(module);
  defineEmbed(module);
  defineDropout(module);
  defineAttentionGradient(module, math);
  defineCrossEntropy(module, math);
  if (memory.shared) defineThreads(module, constantEnd);
  return { bytes: module.encode(), zeros: module.zeros, tasks: module.tasks.map(({ name }) => name) };
}

/** Nothing but the matrix product, which is enough to see what an engine makes of a variant. */
export function assembleProduct(variant: Variant, memory: MemoryImport): Program {
  const module = new ModuleBuilder(memory);
  defineGemm(module, variant, defineCopies(module));
  return { bytes: module.encode(), zeros: module.zeros, tasks: [] };
}
