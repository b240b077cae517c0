// A TypeScript file of this repository as a module that Node can run: bundled beside the sources, so that packages are found, and removed
// when the process ends.
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The path of the bundle of `entry`, a path from the repository's root. */
export async function bundled(entry) {
  const root = new URL("../", import.meta.url);
  const name = entry.replace(/\W+/g, "-");
  const outfile = fileURLToPath(new URL(`.script-${process.pid}-${name}.mjs`, root));
  process.on("exit", () => rmSync(outfile, { force: true }));
  await build({
    entryPoints: [fileURLToPath(new URL(entry, root))],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2022",
    packages: "external",
    logLevel: "error",
  });
  return outfile;
}
