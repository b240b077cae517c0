import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { build } from "esbuild";

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist");
const scripts = ["page.js", "worker.js", "forbidden.js", "compile.js", "taperbert/wasm-thread.js"];
await build({
  entryPoints: scripts.map((path) => ({ in: path, out: path.replace(/^taperbert\/|\.js$/g, "") })),
  outdir: "dist",
  bundle: true,
  // Shared chunks lie beside the scripts: code that starts a worker looks for it beside itself.
  splitting: true,
  format: "esm",
});
execFileSync("npx", ["--no-install", "taperbert", "emit-wasm", "--simd", "relaxed", "--out", "dist/kernels.wasm"]);
for (const name of ["index.html", "forbidden.html"]) cpSync(name, `dist/${name}`);
