// Runs what README.md shows: every `js` block as a module of its own, every `npx taperbert …` line of its `sh` blocks.
// Usage, after npm run build: node scripts/check-readme.mjs
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const readme = readFileSync("README.md", "utf8");
const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)].map(([, language, code]) => ({ language, code }));
const modules = blocks.filter(({ language }) => language === "js").map(({ code }) => code);
const lines = blocks
  .filter(({ language }) => language === "sh")
  .flatMap(({ code }) => code.split("\n"))
  .filter((line) => line.startsWith("npx taperbert ") && !line.includes("train"));
if (modules.length === 0 || lines.length === 0) fail("found no examples");

// Inside the repository, so that `import "taperbert"` resolves to this package by its own name.
const folder = mkdtempSync("runs-readme-");
try {
  for (const [i, code] of modules.entries()) {
    const file = `${folder}/example-${i + 1}.mjs`;
    writeFileSync(file, code);
    run(process.execPath, [file], `js example ${i + 1}`);
  }
  for (const line of lines) run("bash", ["-c", line], line);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`README.md: ${modules.length} modules and ${lines.length} commands run`);

function run(command, args, name) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) fail(`${name} exited with ${status}\n${stdout}${stderr}`);
}

function fail(message) {
  console.error(`check-readme: ${message}`);
  process.exitCode = 1;
  throw new Error(message);
}
