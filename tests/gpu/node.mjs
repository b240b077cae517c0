// Runs tests/gpu/node-cases.ts on npm's `webgpu` and prints its cases as one line of JSON: [{ name, ms, error? }, …].
// Exits 0 if they ran (whatever they say), 77 if there is no such package or no adapter, with the reason on stderr.
// Usage: npm --prefix tests/gpu/node ci && node tests/gpu/node.mjs [--only=TEXT]   (only cases that have TEXT in their name)
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
// The same software rasteriser as in Chromium, unless somebody names another.
const rasteriser = "/usr/lib/chromium/vk_swiftshader_icd.json";
if (process.env.VK_ICD_FILENAMES === undefined && existsSync(rasteriser)) process.env.VK_ICD_FILENAMES = rasteriser;

let webgpu;
try {
  webgpu = await import(pathToFileURL(createRequire(here("node/package.json")).resolve("webgpu")));
  // Where it is not installed here, the repository's own one is found, which is empty.
  if (typeof webgpu.create !== "function") throw new Error("the one that is found creates nothing");
} catch (error) {
  unavailable(`no npm package "webgpu" that loads (${error.message.split("\n")[0]}); npm --prefix tests/gpu/node ci`);
}

const folder = mkdtempSync(join(dirname(here("node.mjs")), "node", ".run-"));
let results;
let reason;
try {
  const bundle = await build({
    entryPoints: [here("node-cases.ts")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    packages: "external",
    alias: { vitest: here("runner.ts") },
  });
  const file = join(folder, "cases.mjs");
  writeFileSync(file, bundle.outputFiles[0].text);
  const only = process.argv.find((arg) => arg.startsWith("--only="))?.slice("--only=".length) ?? "";
  ({ reason, results } = await (await import(pathToFileURL(file))).runCases(webgpu, { root: here("../.."), only }));
} finally {
  rmSync(folder, { recursive: true });
}
if (reason !== undefined) unavailable(reason);
// Dawn keeps the process alive.
process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0));

function unavailable(text) {
  console.error(text);
  process.exit(77);
}
