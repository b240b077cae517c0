// The packed library where nothing optional is installed: it installs, a CPU classifies, and the GPU says what to install; then with
// gpu.js but no GPU (Node has none by itself), where every mode says why it cannot run. Usage: node scripts/check-install.mjs
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "taper-install-"));

function fail(message) {
  throw new Error(`check-install: ${message}`);
}

function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  return status === 0 ? stdout : fail(`${command} ${args.join(" ")} failed\n${stdout}${stderr}`);
}

/** What the modes say in a process of their own, in a folder that knows nothing but what is installed there. */
const program = `
  const { loadModel } = await import("taperbert");
  const model = await loadModel(${JSON.stringify(join(root, "models/sst2-12x128"))});
  const { label, score } = await model.classify("a gorgeous , witty , seductive movie .");
  await model.dispose();
  const { gpu } = await import("taperbert/gpu");
  const errors = {};
  for (const mode of ["webgl2", "webgpu"]) {
    await gpu({ mode }).catch(({ code, message }) => { errors[mode] = { code, message }; });
  }
  console.log(JSON.stringify({ label, score, errors }));
`;

function check(what, reasons) {
  const { label, score, errors } = JSON.parse(run(process.execPath, ["program.mjs"], folder));
  if (label !== "positive") fail(`${what}: the CPU answers ${label} (${score})`);
  console.log(`${what}: "${label}", ${score.toFixed(3)}`);
  for (const [mode, reason] of Object.entries(reasons)) {
    const { code, message = "no error" } = errors[mode] ?? {};
    if (code !== "ERR_GPU_UNAVAILABLE" || !message.includes(reason)) fail(`${what}: ${mode} says ${code}: ${message}`);
    console.log(`  ${mode}: ${message}`);
  }
}

try {
  const [{ filename }] = JSON.parse(
    run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root),
  );
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  const flags = ["--omit=optional", "--omit=peer", "--omit=dev", "--ignore-scripts", "--prefer-offline", "--no-audit"];
  run("npm", ["install", "--no-fund", ...flags, join(folder, filename)], folder);
  writeFileSync(join(folder, "program.mjs"), program);
  if (existsSync(join(folder, "node_modules/gpu.js"))) fail("gpu.js was installed, which is optional");
  const install = "npm install gpu.js@2.24.1";
  check("without gpu.js", { webgl2: install, webgpu: install });

  mkdirSync(join(folder, "node_modules"), { recursive: true });
  symlinkSync(realpathSync(join(root, "node_modules/gpu.js")), join(folder, "node_modules/gpu.js"));
  check("with gpu.js, without a GPU", { webgl2: "there is no canvas here", webgpu: "there is no navigator.gpu" });
} finally {
  rmSync(folder, { recursive: true });
}
