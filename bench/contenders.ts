/**
 * Who takes part in the kernel bench: the builds of ours, and the peers with their lone products. Each makes a case ready in its own way.
 */
import { Random } from "../engine/random.ts";
import type { Variant } from "../kernels/assembler/variant.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import type { KernelCase } from "./kernel-cases.ts";
import { copiesOf, operandsOn, type ReadyCase, type Temperature } from "./kernel-operands.ts";
import type { Yardstick } from "./peaks.ts";
import type { Dtype, Peer, ProductSession } from "./peers/index.ts";

export interface Contender {
  readonly name: string;
  readonly isPeer: boolean;
  /** Whose flags its code is compiled under. */
  readonly variant: Variant;
  /** What is timed beside it in every round. */
  readonly yardstick: Yardstick;
  /** Undefined if it has no such kernel. */
  ready(one: KernelCase, temperature: Temperature): Promise<ReadyCase | undefined>;
  dispose(): Promise<void>;
}

/** The contender owns the backend from here on. */
export function build(variant: Variant, backend: InferenceBackend, yardstick: Yardstick): Contender {
  const ready = operandsOn(backend);
  return {
    name: variant,
    isPeer: false,
    variant,
    yardstick,
    ready: async (one, temperature) => ready(one, temperature),
    dispose: async () => backend.dispose(),
  };
}

/** The products that peers have. */
const dtypeOf: Readonly<Partial<Record<string, Dtype>>> = { matmul: "f32", matmulInt8: "int8" };

/** A peer takes part in products only. Its weights are kept from case to case while their shape stays. */
export function peerContender(peer: Peer, variant: Variant, yardstick: Yardstick): Contender {
  const random = new Random(1);
  let kept: { key: string; sessions: ProductSession[] } = { key: "", sessions: [] };
  const dispose = async () => {
    for (const session of kept.sessions) await session.dispose();
    kept = { key: "", sessions: [] };
  };
  const numbers = (length: number) => Float32Array.from({ length }, () => random.normal());
  return {
    name: peer.name,
    isPeer: true,
    variant,
    yardstick,
    async ready({ kernel, sizes: { n, k, m } }, temperature) {
      const dtype = dtypeOf[kernel];
      if (dtype === undefined || !peer.dtypes.includes(dtype)) return undefined;
      const copies = copiesOf((dtype === "int8" ? 1 : 4) * k * m, temperature);
      const key = `${k} ${m} ${dtype} ${copies}`;
      if (kept.key !== key) {
        await dispose();
        const weights = numbers(k * m);
        const sessions: ProductSession[] = [];
        kept = { key, sessions };
        for (let i = 0; i < copies; i++) sessions.push(await peer.product({ k, m, weights }, { dtype }));
      }
      const a = numbers(n * k);
      const { sessions } = kept;
      let next = 0;
      return {
        async run(times) {
          for (let i = 0; i < times; i++) await sessions[next++ % sessions.length].run(a, n);
        },
        release: () => undefined,
      };
    },
    dispose,
  };
}
