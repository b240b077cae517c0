/**
 * Relaxed SIMD on Node 20, which has it behind a flag of V8; later engines have it without. The flag only lets modules use more
 * instructions: nothing that is compiled already changes. Does nothing anywhere else, browsers included.
 */
export function enableRelaxed(): void {
  if (!globalThis.process?.versions?.node?.startsWith("20.")) return;
  process.getBuiltinModule("node:v8").setFlagsFromString("--experimental-wasm-relaxed-simd");
}
