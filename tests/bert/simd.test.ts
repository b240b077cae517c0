/** Which build of the wasm backend runs: asked for, refused with a reason, or fallen back from. Flags of V8 stay in child processes. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadModel } from "../../bert/load.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { built } from "../support/built.ts";
import { refused } from "../support/spoiled-model.ts";
import { writeTinyModel } from "../support/tiny-model.ts";

let directory: string;
beforeAll(() => {
  directory = writeTinyModel();
});
afterAll(() => rmSync(directory, { recursive: true }));

const major = Number(process.versions.node.split(".")[0]);
const mayBeWide = major >= 24 && process.arch === "x64";
const inChild = (argv: readonly string[]): string =>
  execFileSync(process.execPath, argv, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
const info = (...flags: string[]) => JSON.parse(inChild([...flags, built("taperbert.js"), "info", "--json"]));

describe("loadModel({ simd })", () => {
  it("takes the builds by name and no others", async () => {
    for (const simd of ["auto", "plain"] as const) {
      const model = await loadModel(directory, { simd });
      if (simd === "plain") expect(model.backend.variant).toBe("plain");
      await model.dispose();
    }
    await refused(loadModel(directory, { simd: "vide" as "wide" }), "ERR_OPTION", "simd", '"wide"', '"vide"');
  });

  it("is refused for backends that have no builds", async () => {
    await refused(loadModel(directory, { simd: "relaxed", backend: "scalar" }), "ERR_OPTION", "simd", "scalar");
    await refused(loadModel(directory, { simd: "plain", backend: scalarBackend() }), "ERR_OPTION", "simd", "your own");
  });

  it.skipIf(mayBeWide)("refuses wide by the version of Node and the architecture", async () => {
    const { node } = process.versions;
    await refused(loadModel(directory, { simd: "wide" }), "ERR_BACKEND", "Node 24", `Node ${node} on ${process.arch}`);
  });

  it.skipIf(!mayBeWide)("wide has the bits of relaxed in a whole forward, or is refused with a reason", () => {
    const script = `
      const { loadModel } = await import(${JSON.stringify(built("index.js"))});
      const bits = {};
      for (const simd of ["relaxed", "wide"]) try {
        const model = await loadModel(${JSON.stringify(directory)}, { simd });
        const { logits, hidden } = await model.forward([[2, 7, 8, 13, 14, 9, 3], [2, 3]], { hidden: true });
        bits[simd] = [model.backend.variant, ...logits, ...hidden].map(String);
      } catch (error) { bits[simd] = [error.code, error.message]; }
      console.log(JSON.stringify(bits));`;
    const { relaxed, wide } = JSON.parse(inChild(["--input-type=module", "-e", script]));
    expect(relaxed[0]).toBe("relaxed");
    if (wide[0] === "ERR_BACKEND") expect(wide[1]).toMatch(/the "wide" build cannot run here: /);
    else expect(wide).toEqual(["wide", ...relaxed.slice(1)]);
  });
});

describe("taperbert info", () => {
  it("has the fastest build, and why", () => {
    const { backend, variant, variantWhy } = info();
    expect(backend).toBe("wasm");
    if (variant === "wide") expect(variantWhy).toMatch(/256-bit operations: products run [\d.]+ times as fast/);
    else expect(variantWhy).toMatch(/the "wide" build cannot run here: /);
    if (!mayBeWide) expect(variantWhy).toContain(`this is Node ${process.versions.node}`);
  });

  // A clock decides it, in a process of its own: what holds that up eight times in a row does not three times over.
  it.skipIf(!mayBeWide)(
    "falls back where V8 has no 256-bit instructions, and says what it measured",
    { retry: 2 },
    () => {
      expect(info("--no-enable-avx2")).toMatchObject({
        variant: "relaxed",
        variantWhy: expect.stringMatching(/V8 makes no 256-bit operations here, .* at 0\.\d+ times the relaxed/),
      });
    },
  );

  it("falls back to plain loops where there is no WebAssembly", () => {
    expect(info("--jitless")).toMatchObject({ backend: "scalar", why: expect.stringContaining("WebAssembly") });
  });
});
