/**
 * What a GPU is to the kernels: arrays on the device that are written once, by an upload or a launch, and freed by who holds them;
 * and kernels as source text for gpu.js. How a mode does that is in gpu-webgl2.ts and gpu-webgpu.ts; nothing here runs anything.
 */
import { TaperError } from "../../engine/errors.ts";

/** Through what the GPU is reached. */
export type GpuMode = "webgl2" | "webgpu";

/** Values on the device, flat. Never written twice. */
export interface GpuArray {
  readonly length: number;
}

/** An array as a kernel indexes it: [row][column], or [plane][row][column]. */
export interface GpuMatrix {
  readonly array: GpuArray;
  readonly columns: number;
  readonly rows: number;
  readonly planes: number;
}

export function matrix(array: GpuArray, rows: number, columns: number, planes = 1): GpuMatrix {
  return { array, rows, columns, planes };
}

/**
 * A kernel as source text (minifiers and coverage tools rewrite functions). `name` is its key: one name, one source.
 * An argument of kind "quads" is read four values at a time, so its columns, and where it starts, are multiples of 4; only a device
 * with `readsQuads` has such. What gpu.js translates wrongly, and sources therefore avoid: two loops with a variable of one name,
 * `continue` (it skips the step, and the loop runs to LOOP_LIMIT), and more than one index that is itself an element.
 */
export interface GpuSource {
  readonly name: string;
  readonly source: string;
  readonly arguments: readonly ("numbers" | "quads" | "integer" | "float")[];
  /** What a thread returns: a number, or four that follow one another in the output. */
  readonly returns?: "quad";
}

/**
 * A function that kernels may call, of a number `x` to a number, in what JavaScript and WGSL have in common once `const`, `Math.` and
 * the head are rewritten: assignments once, braces around every branch, floats with their point.
 */
export interface GpuFunction {
  readonly name: string;
  readonly source: string;
}

/**
 * A kernel written by hand in WGSL, where that pays. Its arguments, of group 0: the output, the arrays, then a uniform of four u32.
 * `name` is its key.
 */
export interface WgslSource {
  readonly name: string;
  readonly code: string;
}

export interface WgslLaunch {
  /** Values of the output. */
  readonly length: number;
  readonly workgroups: readonly [x: number, y: number];
  readonly sizes: readonly [number, number, number, number];
}

/** Threads of a launch along x, y and z; x runs fastest in the output. The number of axes is part of a kernel. */
export type Threads = readonly [number] | readonly [number, number] | readonly [number, number, number];

export interface GpuDevice {
  readonly mode: GpuMode;
  readonly readsQuads: boolean;
  /** Enqueues a kernel; the array that it writes is the caller's to free. */
  launch(source: GpuSource, threads: Threads, args: readonly (GpuMatrix | number)[]): GpuArray;
  /** As `launch`, where there is WGSL. */
  launchWgsl?(source: WgslSource, launch: WgslLaunch, args: readonly GpuArray[]): GpuArray;
  /** Copies values to the device. */
  upload(values: Float32Array): GpuArray;
  /** The first `length` values. Throws ERR_BACKEND if the device was lost or reports an error: lost devices read as zeros. */
  read(array: GpuArray, length: number): Promise<Float32Array>;
  free(array: GpuArray): void;
  /** Throws ERR_DISPOSED after dispose(), ERR_BACKEND if the device was lost. */
  check(): void;
  /** Gives everything back. */
  dispose(): void;
}

/** No loop of a kernel may be longer: gpu.js needs a constant bound and stops silently there. */
export const LOOP_LIMIT = 2 ** 20;

/** Values that a launch writes. */
export function lengthOf({ returns }: GpuSource, threads: Threads): number {
  const count = threads.reduce<number>((product, side) => product * side, 1);
  return returns === "quad" ? 4 * count : count;
}

/**
 * What every kernel asks of gpu.js: sizes that change without compiling again, results that stay on the device, 32 bits (the default
 * declares 16 on phones), and loops as long as they say.
 */
export function settingsOf(
  source: GpuSource,
  threads: Threads,
  kinds: Readonly<Record<GpuSource["arguments"][number], string>>,
): object {
  return {
    argumentTypes: source.arguments.map((kind) => kinds[kind]),
    returnType: source.returns === "quad" ? "Array(4)" : "Number",
    output: threads,
    dynamicOutput: true,
    dynamicArguments: true,
    pipeline: true,
    precision: "single",
    tactic: "precision",
    strictIntegers: true,
    loopMaxIterations: LOOP_LIMIT,
  };
}

/** Throws ERR_BACKEND if a loop would be cut short. */
export function checkLoop(kernel: string, size: string, length: number): void {
  if (length <= LOOP_LIMIT) return;
  throw new TaperError("ERR_BACKEND", `${kernel}: ${size} is ${length}, the gpu backend's limit is ${LOOP_LIMIT}`);
}

export const lostMessage =
  "the GPU's context was lost (a driver reset, a suspended machine, or more than 16 contexts in the page), " +
  "and everything on it; dispose this backend and make a new one";

export const disposedError = () => new TaperError("ERR_DISPOSED", "this gpu backend was disposed; make a new one");

export const freedError = () => new TaperError("ERR_DISPOSED", "an array of the GPU was used after it was freed");

/** An error of gpu.js or a driver, as ours. */
export function asBackendError(kernel: string, cause: unknown): TaperError {
  if (cause instanceof TaperError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TaperError("ERR_BACKEND", `${kernel}: ${reason}`, { cause });
}

/** The one copy that a device makes: the first `count` values of one array, the others of another. */
export const overlay: GpuSource = {
  name: "overlay",
  arguments: ["numbers", "numbers", "integer"],
  source: `function(first, rest, count) {
    if (this.thread.x < count) return first[this.thread.x];
    return rest[this.thread.x];
  }`,
};
