/** A BERT forward in float64 by the plainest loops, from tensors by BERT's names: an oracle that shares no code with the library. */
export type Tensors = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

export interface SlowShape {
  readonly layers: number;
  readonly d: number;
  readonly h: number;
  readonly eps: number;
}

type Matrix = number[][];

export class SlowBert {
  private readonly tensors: Tensors;
  private readonly shape: SlowShape;

  constructor(tensors: Tensors, shape: SlowShape) {
    this.tensors = tensors;
    this.shape = shape;
  }

  /** The last state of every token; `positions` are rows of the position table. */
  states(ids: readonly number[], positions: readonly number[], segments: readonly number[] | undefined): Matrix {
    const at = "embeddings";
    let hidden = ids.map((id, i) => {
      const parts = [
        this.row(`${at}.word_embeddings.weight`, id),
        this.row(`${at}.position_embeddings.weight`, positions[i]),
      ];
      if (segments) parts.push(this.row(`${at}.token_type_embeddings.weight`, segments[i]));
      return parts[0].map((_, j) => parts.reduce((sum, part) => sum + part[j], 0));
    });
    hidden = this.norm(hidden, `${at}.LayerNorm`);
    for (let l = 0; l < this.shape.layers; l++) hidden = this.layer(hidden, `encoder.layer.${l}`);
    return hidden;
  }

  linear(x: Matrix, name: string): Matrix {
    const { shape, data } = this.tensor(`${name}.weight`);
    const bias = this.tensor(`${name}.bias`).data;
    const [m, k] = shape;
    return x.map((row) =>
      Array.from({ length: m }, (_, o) => row.reduce((sum, value, i) => sum + value * data[o * k + i], bias[o])),
    );
  }

  private layer(hidden: Matrix, at: string): Matrix {
    const [q, k, v] = ["query", "key", "value"].map((part) => this.linear(hidden, `${at}.attention.self.${part}`));
    const { d, h } = this.shape;
    const width = d / h;
    const context = hidden.map((_, i) => {
      const mixed = new Array<number>(d).fill(0);
      for (let head = 0; head < h; head++) {
        const columns = Array.from({ length: width }, (_, c) => head * width + c);
        const weights = hidden.map((_, j) =>
          Math.exp(columns.reduce((sum, c) => sum + q[i][c] * k[j][c], 0) / Math.sqrt(width)),
        );
        const total = weights.reduce((a, b) => a + b, 0);
        for (const c of columns) mixed[c] = weights.reduce((sum, weight, j) => sum + (weight / total) * v[j][c], 0);
      }
      return mixed;
    });
    const attended = this.norm(
      sum(this.linear(context, `${at}.attention.output.dense`), hidden),
      `${at}.attention.output.LayerNorm`,
    );
    const inner = this.linear(attended, `${at}.intermediate.dense`).map((row) => row.map(gelu));
    return this.norm(sum(this.linear(inner, `${at}.output.dense`), attended), `${at}.output.LayerNorm`);
  }

  private norm(x: Matrix, name: string): Matrix {
    const [gamma, beta] = [this.tensor(`${name}.weight`).data, this.tensor(`${name}.bias`).data];
    return x.map((row) => {
      const mean = row.reduce((a, b) => a + b, 0) / row.length;
      const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length;
      return row.map((value, i) => ((value - mean) / Math.sqrt(variance + this.shape.eps)) * gamma[i] + beta[i]);
    });
  }

  private row(name: string, i: number): number[] {
    const { shape, data } = this.tensor(name);
    return Array.from(data.subarray(i * shape[1], (i + 1) * shape[1]));
  }

  private tensor(name: string) {
    const found = this.tensors.get(name);
    if (found === undefined) throw new Error(`the oracle has no ${name}`);
    return found;
  }
}

const sum = (a: Matrix, b: Matrix): Matrix => a.map((row, i) => row.map((value, j) => value + b[i][j]));

/** x·Φ(x), Φ by the error function's series. */
function gelu(x: number): number {
  const z = x / Math.SQRT2;
  if (Math.abs(z) > 5) return Math.max(x, 0);
  let term = z;
  let series = z;
  for (let n = 1; n < 200; n++) {
    term *= (-z * z) / n;
    series += term / (2 * n + 1);
  }
  return (x / 2) * (1 + (2 / Math.sqrt(Math.PI)) * series);
}
