/**
 * Switches relaxed SIMD on in Node 20, which has it behind a flag; does nothing in any other engine, browsers included.
 * The flag is the whole process's, but only adds instructions: nothing that compiled before compiles differently.
 */

interface Runtime {
  process?: { version?: string; getBuiltinModule?: (name: string) => unknown };
}

export function enableRelaxedOnNode20(): void {
  const { process } = globalThis as Runtime;
  if (!process?.version?.startsWith("v20.")) return;
  // Looked up, not imported: an import of node:v8 would break every browser bundle.
  const v8 = process.getBuiltinModule?.("node:v8") as { setFlagsFromString(flag: string): void } | undefined;
  v8?.setFlagsFromString("--experimental-wasm-relaxed-simd");
}
