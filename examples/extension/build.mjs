import { cpSync, rmSync } from "node:fs";
import { build } from "esbuild";

rmSync("dist", { recursive: true, force: true });
await build({
  // esbuild does not follow `new Worker(new URL(…))`: the two workers are entries, and lie beside the page's script under their names.
  entryPoints: ["page.js", "background.js", "taperbert/pipeline-worker.js", "taperbert/wasm-thread.js"].map((path) => ({
    in: path,
    out: path.replace(/^taperbert\/|\.js$/g, ""),
  })),
  outdir: "dist",
  bundle: true,
  format: "esm",
  // Each a file of its own: service workers know no import().
  splitting: false,
});
for (const name of ["manifest.json", "page.html"]) cpSync(name, `dist/${name}`);
cpSync("../../models/sst2-12x128", "dist/sst2-12x128", { recursive: true });
