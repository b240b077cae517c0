/**
 * One trained tensor on one replica's backend: its numbers (for a matrix, packed too), and its gradient. A table's gradient is
 * row-sparse: only the rows that were read are cleared, read back and exchanged. A frozen one has no gradient: nothing is recorded on
 * its account. It knows nothing of optimisers.
 */
import type { Handle } from "../engine/backend.ts";
import { type FloatData, transpose, view } from "../engine/view.ts";
import type { TrainingBackend } from "../kernels/index.ts";
import { Name, type Value } from "./value.ts";

/** How a tensor is used: a linear layer's stored weights [rows, columns], a table to gather rows from, or a vector [rows]. */
export type ParameterKind = "weights" | "table" | "vector";

export class Parameter<H extends Handle> {
  readonly kind: ParameterKind;
  readonly rows: number;
  readonly columns: number;
  /** What the model's operations take. */
  readonly name: Name<H>;
  private readonly backend: TrainingBackend<H>;
  private readonly data: H;
  private readonly gradient: H | undefined;
  private readonly seen: Uint8Array;
  private touched: number[] = [];
  /** Room for the touched rows of a table, and their numbers; grows to what the largest step needs. */
  private rowBuffer: H | undefined;
  private indexBuffer: H | undefined;

  /** Values in row-major order, [rows, columns]. */
  constructor(
    backend: TrainingBackend<H>,
    kind: ParameterKind,
    values: FloatData,
    rows: number,
    columns: number,
    isFrozen = false,
  ) {
    this.backend = backend;
    this.kind = kind;
    this.rows = rows;
    this.columns = columns;
    const matrix = view(values, [rows, columns]);
    this.data = backend.upload(matrix);
    this.gradient = isFrozen ? undefined : backend.allocate(rows * columns);
    this.seen = new Uint8Array(kind === "table" && !isFrozen ? rows : 0);
    const value: Value<H> = {
      data: this.data,
      used: rows * columns,
      wanted: !isFrozen,
      gradient: this.gradient,
      kept: true,
      ...(kind === "table" && !isFrozen && { touch: (index: Int32Array) => this.touch(index) }),
    };
    const packed = kind === "weights" ? backend.pack(transpose(matrix)) : undefined;
    this.name = new Name<H>(packed === undefined ? "f32" : "packed", rows * columns, value, packed);
  }

  /** Whether it stays as it is. */
  get isFrozen(): boolean {
    return this.gradient === undefined;
  }

  /** New numbers. */
  set(values: FloatData): void {
    this.backend.write(this.data, values);
    if (this.name.packed === undefined) return;
    this.backend.release(this.name.packed);
    // A backend that shows its memory packs from there without a detour.
    const here = "data" in this.data && this.data.data instanceof Float32Array ? this.data.data : values;
    this.name.packed = this.backend.pack(transpose(view(here, [this.rows, this.columns])));
  }

  /** Rows whose gradient may not be 0; undefined: all of them. */
  get touchedRows(): readonly number[] | undefined {
    return this.kind === "table" ? this.touched : undefined;
  }

  /** Copies the gradient to `out` [rows, columns]; of a table, the touched rows only. */
  async readGradient(out: Float32Array): Promise<void> {
    const { backend, gradient, columns: d, touched } = this;
    if (gradient === undefined) return;
    if (this.kind !== "table") {
      out.set(await backend.read(gradient, out.length));
      return;
    }
    if (touched.length === 0) return;
    const { row, index } = this.room();
    const n = touched.length;
    backend.write(index, touched);
    backend.op("gather", { out: row, table: gradient, index, n, d, rows: this.rows });
    const values = await backend.read(row, n * d);
    for (let i = 0; i < n; i++) {
      const from = i * d;
      const to = touched[i] * d;
      for (let j = 0; j < d; j++) out[to + j] = values[from + j];
    }
  }

  /** Sets the gradient to 0, of a table in the touched rows only, and forgets them. */
  clearGradient(clear: (buffer: H, length: number) => void): void {
    const { backend, columns: d, gradient, touched } = this;
    if (gradient === undefined) return;
    if (this.kind !== "table") {
      clear(gradient, this.rows * d);
      return;
    }
    if (touched.length === 0) return;
    const { row, index } = this.room();
    const n = touched.length;
    clear(row, n * d);
    backend.write(index, touched);
    backend.op("scatter", { out: gradient, x: row, index, n, d, rows: this.rows });
    for (const i of touched) this.seen[i] = 0;
    this.touched = [];
  }

  private touch(index: Int32Array): void {
    for (const row of index) {
      if (this.seen[row] === 1) continue;
      this.seen[row] = 1;
      this.touched.push(row);
    }
  }

  private room(): { row: H; index: H } {
    const n = this.touched.length;
    if (this.rowBuffer === undefined || this.indexBuffer === undefined || this.indexBuffer.length < n) {
      if (this.rowBuffer !== undefined) this.backend.release(this.rowBuffer);
      if (this.indexBuffer !== undefined) this.backend.release(this.indexBuffer);
      const capacity = Math.min(this.rows, 2 * n);
      this.rowBuffer = this.backend.allocate(capacity * this.columns);
      this.indexBuffer = this.backend.allocate(capacity, "i32");
    }
    return { row: this.rowBuffer, index: this.indexBuffer };
  }
}
