/**
 * What a scalar form reads and writes: 32-bit floats, or 32-bit integers where the contract says i32.
 * The WebAssembly backend's handles are such handles too, so it can lend its memory to a scalar form.
 */
import type { ArrayHandle } from "../engine/backend.ts";

export type ScalarHandle = ArrayHandle<Float32Array | Int32Array>;
