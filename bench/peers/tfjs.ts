/** The slice of @tensorflow/tfjs-core and its WebAssembly backend that the dense BERT is written in, as types. */

export interface TfTensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}

/** https://js.tensorflow.org/api/4.22.0/ */
export interface Tf {
  setBackend(name: string): Promise<boolean>;
  tensor(values: Float32Array | Int32Array, shape: readonly number[], dtype: "float32" | "int32"): TfTensor;
  tidy<T>(run: () => T): T;
  readonly fused: { matMul(args: { a: TfTensor; b: TfTensor; bias?: TfTensor | undefined }): TfTensor };
  matMul(a: TfTensor, b: TfTensor, transposeA: boolean, transposeB: boolean): TfTensor;
  add(a: TfTensor, b: TfTensor | number): TfTensor;
  sub(a: TfTensor, b: TfTensor): TfTensor;
  mul(a: TfTensor, b: TfTensor | number): TfTensor;
  mean(x: TfTensor, axis: number, keepDims: boolean): TfTensor;
  square(x: TfTensor): TfTensor;
  rsqrt(x: TfTensor): TfTensor;
  erf(x: TfTensor): TfTensor;
  tanh(x: TfTensor): TfTensor;
  softmax(x: TfTensor): TfTensor;
  gather(x: TfTensor, indices: TfTensor): TfTensor;
  reshape(x: TfTensor, shape: readonly number[]): TfTensor;
  transpose(x: TfTensor, permutation: readonly number[]): TfTensor;
  slice(x: TfTensor, begin: readonly number[], size: readonly number[]): TfTensor;
}

export interface TfWasm {
  setWasmPaths(directory: string): void;
}
