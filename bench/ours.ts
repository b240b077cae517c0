/** Our dense BERT behind the peers' interface: nothing skimmed, no exit, batches packed without padding. */
import type { Variant } from "../kernels/assembler/variant.ts";
import { wasmBackend } from "../kernels/backends/wasm.ts";
import type { BertSession, BertWeights, Dtype } from "./peers/peer.ts";
import { modelOf } from "./random-model.ts";
import { compilesFor } from "./variants.ts";

const dense = { skim: false, exit: false } as const;

/** Throws ERR_BACKEND where the variant cannot run. Its code is compiled as it first runs: see variants.ts. */
export function openOurs(variant: Variant, { config, read }: BertWeights, dtype: Dtype = "f32"): BertSession {
  compilesFor(variant);
  const model = modelOf(config, {}, wasmBackend({ variant }), read, dtype);
  return {
    run: async (ids) => (await model.forward(ids, dense)).logits,
    dispose: () => model.dispose(),
  };
}
