/**
 * The GPU COVERAGE table at the end of a test run: which modes ran, and what was measured beside the verdicts. Test files run in
 * processes of their own and leave their rows in a folder; vitest calls `setup` before all of them and its result after the last.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const variable = "TAPER_GPU_COVERAGE";

/** A row of the table, and the figures below it. */
export function cover(mode: string, verdict: string, figures: readonly string[] = []): void {
  const lines = [`${mode.padEnd(12)} | ${verdict}`, ...figures.map((figure) => `  ${figure}`)];
  const folder = process.env[variable];
  if (folder === undefined) console.log(lines.join("\n"));
  else writeFileSync(join(folder, mode), `${lines.join("\n")}\n`);
}

export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "taper-gpu-"));
  process.env[variable] = folder;
  return () => {
    const rows = readdirSync(folder)
      .sort()
      .map((mode) => readFileSync(join(folder, mode), "utf8"));
    if (rows.length > 0) console.log(`\nGPU COVERAGE\n${rows.join("")}`);
    rmSync(folder, { recursive: true });
  };
}
