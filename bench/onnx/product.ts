/** A lone product as an ONNX model: what an onnxruntime is given beside our matmul. Input "a" [n, k], output "out" [n, m]. */
import type { Dtype, Product } from "../peers/peer.ts";
import { GraphBuilder } from "./builder.ts";
import { writeOnnx } from "./model.ts";
import { quantiseColumns } from "./quantise.ts";

export function productModel({ k, m, weights, bias }: Product, dtype: Dtype): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder();
  const out = multiply(graph, "a", { k, m, weights, bias }, dtype);
  const shape = (side: number) => ["n", side];
  return writeOnnx(
    graph.finish([{ name: "a", type: "f32", shape: shape(k) }], out, { name: "out", type: "f32", shape: shape(m) }),
  );
}

/**
 * x [n, k] · weights + bias. Without a bias a MatMul, with one a Gemm; in 8 bits the operator that quantises the rows of x, multiplies and
 * scales in one.
 */
function multiply(graph: GraphBuilder, x: string, { k, m, weights, bias }: Product, dtype: Dtype): string {
  const added = bias === undefined ? [] : [graph.constant(bias, [m])];
  if (dtype === "int8") {
    const { values, scales } = quantiseColumns(weights, k, m);
    const inputs = [x, graph.constant(values, [k, m]), graph.constant(scales, [m]), ""];
    return graph.fused("DynamicQuantizeMatMul", bias === undefined ? inputs.slice(0, 3) : [...inputs, ...added]);
  }
  return graph.node(bias === undefined ? "MatMul" : "Gemm", [x, graph.constant(weights, [k, m]), ...added]);
}
