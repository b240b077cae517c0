/** A graph under construction: nodes and constants are added one at a time, and values go by names that it makes up. It checks nothing. */
import type { AttributeValue, OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from "./model.ts";

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly domain?: string;
  /** How many values it gives; default 1. */
  readonly outputs?: number;
}

export class GraphBuilder {
  private readonly nodes: OnnxNode[] = [];
  private readonly constants: OnnxTensor[] = [];

  constant(data: OnnxTensor["data"], shape: readonly number[]): string {
    const name = `c${this.constants.length}`;
    this.constants.push({ name, shape, data });
    return name;
  }

  /** The name of the node's first output; `name.1`, `name.2`, … are the others. */
  node(op: string, inputs: readonly string[], { outputs = 1, ...rest }: NodeOptions = {}): string {
    const name = `n${this.nodes.length}`;
    const names = Array.from({ length: outputs }, (_, i) => (i === 0 ? name : `${name}.${i}`));
    this.nodes.push({ op, inputs, outputs: names, ...rest });
    return name;
  }

  /** A node of ONNX Runtime's own operators. */
  fused(op: string, inputs: readonly string[], options: Omit<NodeOptions, "domain"> = {}): string {
    return this.node(op, inputs, { ...options, domain: "com.microsoft" });
  }

  /** The graph whose only output is `from`, called `output`. */
  finish(inputs: readonly OnnxValue[], from: string, output: OnnxValue): OnnxGraph {
    const last = { op: "Identity", inputs: [from], outputs: [output.name] };
    return { nodes: [...this.nodes, last], constants: this.constants, inputs, outputs: [output] };
  }
}
