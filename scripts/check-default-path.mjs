// The default import path: it bundles for browsers without any of Node's modules (esbuild would fail), and whatever it loads by itself,
// at once or later, has no ndarray, ndarray-ops or gpu.js, is at most 100 kB gzip, and passes its suite where code generation from
// strings is forbidden.
// Usage: node scripts/check-default-path.mjs
import { spawnSync } from "node:child_process";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const limit = 100_000;
const forbidden = /node_modules\/(ndarray|ndarray-ops|cwise|gpu\.js)[/-]/;
const result = await build({
  entryPoints: ["index.ts"],
  bundle: true,
  splitting: true,
  format: "esm",
  minify: true,
  outdir: "out",
  write: false,
  metafile: true,
  platform: "browser",
});

// What is loaded only for those who ask for it, or whose model needs it.
const onDemand = ["kernels/backends/reference.ts", "bert/tokenizer/byte-level.ts"];
const { outputs } = result.metafile;
const reached = new Set();
const visit = (name) => {
  if (reached.has(name) || onDemand.includes(outputs[name]?.entryPoint)) return;
  reached.add(name);
  for (const { path } of outputs[name].imports) if (outputs[path]) visit(path);
};
visit("out/index.js");
const inputs = [...reached].flatMap((name) => Object.keys(outputs[name].inputs));
const intruders = inputs.filter((input) => forbidden.test(input));
const files = result.outputFiles.filter(({ path }) => [...reached].some((name) => path.endsWith(name)));
const bytes = files.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
console.log(`default import path: ${inputs.length} files, ${bytes} bytes gzip (limit ${limit})`);
if (inputs.length < 100) fail(`expected the whole library, found ${inputs.length} files`);
if (intruders.length > 0) fail(`builds code from strings: ${intruders.join(", ")}`);
if (bytes > limit) fail(`${bytes} bytes gzip is over ${limit}`);

const suite = spawnSync(process.execPath, ["--test", "tests/default-path.mjs"], {
  stdio: "inherit",
  env: { ...process.env, NODE_OPTIONS: "--disallow-code-generation-from-strings" },
});
if (suite.status !== 0) fail("the suite failed without code generation from strings");

function fail(message) {
  console.error(`check-default-path: ${message}`);
  process.exit(1);
}
