/** A module compiled elsewhere: the same bits, no compiling from bytes, and only what this version emitted. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { loadModel } from "../../bert/load.ts";
import { emitModule } from "../../kernels/backends/wasm-module.ts";
import { run } from "../cli/run.ts";
import { refused } from "../support/spoiled-model.ts";
import { writeTinyModel } from "../support/tiny-model.ts";

let directory: string;
beforeAll(() => {
  directory = writeTinyModel();
});
afterAll(() => rmSync(directory, { recursive: true }));

async function logits(options: Parameters<typeof loadModel>[1]): Promise<Float32Array> {
  const model = await loadModel(directory, options);
  const { logits } = await model.forward([[2, 7, 8, 13, 3]]);
  await model.dispose();
  return logits[0];
}

it("runs a module that the command wrote, without compiling any", async () => {
  const file = join(directory, "plain.wasm");
  expect((await run(["emit-wasm", "--out", file])).code).toBe(0);
  const wasmModule = new WebAssembly.Module(readFileSync(file));
  const expected = await logits({ simd: "plain" });
  const Compiled = WebAssembly.Module;
  const compile = vi.spyOn(WebAssembly, "Module");
  Object.setPrototypeOf(WebAssembly.Module, Compiled);
  Object.defineProperty(WebAssembly.Module, Symbol.hasInstance, { value: (x: unknown) => x instanceof Compiled });
  try {
    expect(await logits({ wasmModule })).toEqual(expected);
    expect(compile).not.toHaveBeenCalled();
  } finally {
    compile.mockRestore();
  }
});

it("shared modules serve several threads, and each kind refuses the other", async () => {
  const shared = new WebAssembly.Module(emitModule("plain", true));
  const alone = new WebAssembly.Module(emitModule("plain", false));
  expect(await logits({ wasmModule: shared, threads: 2 })).toEqual(await logits({ wasmModule: alone }));
  await refused(loadModel(directory, { wasmModule: shared }), "ERR_BACKEND", "several threads");
  await refused(loadModel(directory, { wasmModule: alone, threads: 2 }), "ERR_BACKEND", "--shared");
});

it("refuses modules of other versions, of others, and options beside them", async () => {
  const bytes = emitModule("plain", false);
  const text = new TextDecoder("latin1").decode(bytes);
  const at = text.lastIndexOf('"hash":') + '"hash":'.length;
  bytes[at] = bytes[at] === 0x31 ? 0x32 : 0x31;
  const wasmModule = new WebAssembly.Module(bytes);
  await refused(loadModel(directory, { wasmModule }), "ERR_BACKEND", "another version", "emit-wasm");
  const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  await refused(loadModel(directory, { wasmModule: empty }), "ERR_BACKEND", "without its mark");
  await refused(loadModel(directory, { wasmModule: bytes as unknown as WebAssembly.Module }), "ERR_BACKEND");
  await refused(loadModel(directory, { wasmModule: empty, backend: "scalar" }), "ERR_OPTION", "leave backend");
  expect((await run(["emit-wasm", "--out", "x", "--simd", "fast"])).code).toBe(2);
});
