// The package as npm would publish it: its size, its exports and types as publint and are-the-types-wrong see them, and what a cold
// import costs beside an empty module's. Sizes fail, and an import of more than three times the empty one's.
// Usage: node scripts/check-package.mjs
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const limit = 1_500_000;
const mostTimes = 3;
const fewestRuns = 15;

function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status === 0) return stdout;
  console.error(`${stdout}${stderr}\ncheck-package: ${command} ${args.join(" ")} failed`);
  process.exit(1);
}

// Without scripts: dist/ is built already, and a build's output would be in the way of the JSON.
const [{ size, unpackedSize, entryCount, files }] = JSON.parse(
  run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"]),
);
console.log(`package: ${size} bytes packed (limit ${limit}), ${unpackedSize} unpacked, ${entryCount} files`);
if (size > limit) {
  console.error(`check-package: ${size} bytes are over ${limit}`);
  process.exit(1);
}
for (const needed of [
  "dist/index.js",
  "dist/types/index.d.ts",
  "dist/classify-worker.js",
  "dist/chunks/wasm-thread.js",
  "dist/chunks/pipeline-worker.js",
]) {
  if (files.some(({ path }) => path === needed)) continue;
  console.error(`check-package: ${needed} is not in the package`);
  process.exit(1);
}

console.log(run("npx", ["-y", "publint@0.3.25", "--strict"]).trim().split("\n").at(-1));
// Workers' scripts export nothing, so they have no types.
const scripts = ["pipeline-worker.js", "wasm-thread.js"];
const types = ["--pack", ".", "--profile", "esm-only", "--exclude-entrypoints", ...scripts];
run("npx", ["-y", "@arethetypeswrong/cli@0.18.5", ...types]);
console.log("are-the-types-wrong: nothing, for ESM");

const directory = mkdtempSync(join(tmpdir(), "taper-package-"));
try {
  const empty = join(directory, "empty.mjs");
  writeFileSync(empty, "export {};\n");
  const modules = { empty: pathToFileURL(empty).href, taperbert: new URL("../dist/index.js", import.meta.url).href };
  const times = { empty: { import: [], process: [] }, taperbert: { import: [], process: [] } };
  // The fastest of each: whatever else the machine does only ever adds. Where that is not clear yet, more of them.
  const fastest = (what) => [times.taperbert, times.empty].map((all) => Math.min(...all[what]));
  const isOver = (what) => fastest(what)[0] > mostTimes * fastest(what)[1];
  for (let i = 0; i < fewestRuns || (i < 4 * fewestRuns && (isOver("import") || isOver("process"))); i++) {
    for (const [name, url] of Object.entries(modules)) {
      const script = `const t = performance.now(); await import(${JSON.stringify(url)}); console.log(performance.now() - t)`;
      const began = performance.now();
      times[name].import.push(Number(run(process.execPath, ["--input-type=module", "-e", script])));
      times[name].process.push(performance.now() - began);
    }
  }
  for (const what of ["import", "process"]) {
    const [ours, none] = fastest(what);
    const found = `${(ours / none).toFixed(2)} times`;
    console.log(`cold ${what}: ${ours.toFixed(1)} ms, of an empty module ${none.toFixed(1)} ms: ${found}`);
    if (!isOver(what)) continue;
    console.error(`check-package: a cold ${what} of ${found} an empty module's is over ${mostTimes}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(directory, { recursive: true });
}
