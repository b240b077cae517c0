// Builds dist/: bundles by esbuild, declarations by tsc. Usage: node scripts/build.mjs [--no-types]
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, rmSync } from "node:fs";
import { build } from "esbuild";

rmSync("dist", { recursive: true, force: true });
const entryPoints = {
  index: "index.ts",
  gpu: "gpu.ts",
  ndarray: "ndarray.ts",
  train: "train.ts",
  taperbert: "cli/taperbert.ts",
  "train-worker": "train/worker.ts",
  // Beside the chunks that start them.
  "chunks/wasm-thread": "kernels/backends/wasm-thread.js",
  "chunks/pipeline-worker": "pipeline/worker.ts",
  "classify-worker": "cli/jsonl-worker.ts",
  "bench-child": "bench/child.ts",
};
const present = Object.fromEntries(Object.entries(entryPoints).filter(([, file]) => existsSync(file)));
await build({
  entryPoints: present,
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "es2022",
  packages: "external",
  sourcemap: true,
  chunkNames: "chunks/[name]-[hash]",
});
// npm makes a bin executable when it installs one; a checkout runs it as it stands.
if (existsSync("dist/taperbert.js")) chmodSync("dist/taperbert.js", 0o755);
if (!process.argv.includes("--no-types")) {
  const tsc = spawnSync("npx", ["--no-install", "tsc", "-p", "tsconfig.types.json"], { stdio: "inherit" });
  process.exit(tsc.status ?? 1);
}
