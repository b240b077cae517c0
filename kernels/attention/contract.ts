/**
 * Multi-head self-attention over ragged rows: each text attends to its own rows and to nothing else.
 *
 *   qkv [n, 3d]: queries, keys and values side by side; head x of each is its columns [x·d/h, (x+1)·d/h)
 *   starts i32 [texts + 1]: text t owns rows starts[t] … starts[t+1] − 1; starts[0] = 0, starts[texts] = n, empty texts are fine
 *   s_ij = q_i · k_j / √(d/h);   p_ij = m_j·exp(s_ij) / Σ_k m_k·exp(s_ik);   out_i = Σ_j p_ij · v_j
 *
 * `mask` m [n] (default: ones) multiplies inside the softmax, so that a row masked with 0 is exactly a row that is not there;
 * a text whose rows are all masked gives zeros. Softmax takes the whole row at once (no online form).
 * `importance` [n] receives the attention each row gets, averaged over heads and live queries of its text:
 *
 *   importance_j = Σ_heads Σ_i m_i · p_ij / (h · Σ_i m_i)
 *
 * summed over heads in increasing order. `pairs` = Σ over texts of rows². d must be divisible by h.
 * Sources: BERT, https://arxiv.org/abs/1810.04805; importance as in Learned Token Pruning and Magic Pyramid
 * (https://arxiv.org/abs/2111.00230); the masked softmax is Transkimmer's rule without its missing renormalisation.
 */
import type { Contract } from "../contract.ts";

export interface AttentionSizes {
  n: number;
  d: number;
  h: number;
  texts: number;
  pairs: number;
}
export interface AttentionArgs<H> extends AttentionSizes {
  out: H;
  qkv: H;
  starts: H;
  mask?: H | undefined;
  importance?: H | undefined;
}

export const attention = {
  name: "attention",
  operands: {
    out: { role: "out", shape: ({ n, d }) => [n, d] },
    qkv: { role: "in", shape: ({ n, d }) => [n, 3 * d] },
    starts: { role: "in", shape: ({ texts }) => [texts + 1], kind: "i32" },
    mask: { role: "in", shape: ({ n }) => [n], optional: true },
    importance: { role: "out", shape: ({ n }) => [n], optional: true },
  },
  cost: ({ n, d, h, pairs }) => ({ macs: 2 * d * pairs, elements: h * pairs, bytes: 4 * (4 * n * d) }),
} as const satisfies Contract<"attention", AttentionSizes>;
