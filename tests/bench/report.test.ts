/**
 * The report's page: what it says, and in a real browser at both widths that nothing overflows and nothing is fetched. Where there is
 * no browser that part is skipped, and the reason printed; REQUIRE_BACKENDS=webgl2, which asks for the same browser, makes that a failure.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { reportPage } from "../../bench/report/page.ts";
import { inventedReport } from "./report-data.ts";

const data = inventedReport();
const page = reportPage(data);

it("asks for nothing from anywhere, runs nothing, and escapes what texts hold", () => {
  expect(page).not.toMatch(/<script|<link(?! rel="icon" href="data:,")|<img|@import|url\(/);
  expect(page.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:/);
  expect(page).toContain("&lt;b&gt;one&lt;/b&gt;");
  expect(page).not.toContain("<b>one");
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
});

it("has every row of the ablation, the peers that were there and those that were not", () => {
  for (const { title } of data.latency.ablation) expect(page).toContain(`<th scope="row">${title}</th>`);
  expect(page).toContain("not installed: npm --prefix bench/peers ci");
  expect(page).toContain("258.1");
});

it("does without labels, cold starts, offline rows, dials and examples", () => {
  const { coldStart: _, ...latency } = data.latency;
  const bare = latency.ablation.map(
    ({ accuracy: _a, against: _b, agreement: _c, calibrationError: _d, roofMs: _e, ...row }) => row,
  );
  const plain = reportPage({
    ...data,
    latency: { ...latency, note: "no checkpoint: skims by schedule", ablation: bare, offline: [] },
    sweep: [],
    examples: [],
  });
  expect(plain).toContain("no checkpoint: skims by schedule");
  expect(plain).not.toMatch(/NaN|undefined|Infinity|accuracy<\/th>/);
});

interface Seen {
  width: number;
  scheme: string;
  requests: string[];
  errors: string[];
  scrollWidth: number;
  outside: string[];
  pictures: number;
  unnamed: number;
  background: string;
}

it("fits both widths in light and dark, opened from a file", async ({ skip }) => {
  const directory = mkdtempSync(join(tmpdir(), "taper-report-"));
  const file = join(directory, "report.html");
  writeFileSync(file, page);
  try {
    const { status, stdout, stderr } = await browse(file, directory);
    const required = (process.env.REQUIRE_BACKENDS ?? "").split(",").includes("webgl2");
    if (status === 77 && !required) {
      console.log(`the report in a browser: skipped: ${stderr.trim()}`);
      skip();
    }
    expect(status, stderr).toBe(0);
    const all = JSON.parse(stdout) as Seen[];
    expect(all).toHaveLength(4);
    for (const { width, scheme, ...seen } of all) {
      const where = `${width} ${scheme}`;
      expect(seen.outside, where).toEqual([]);
      expect(seen.scrollWidth, where).toBeLessThanOrEqual(width);
      expect(seen.errors, where).toEqual([]);
      expect(
        seen.requests.filter((url) => !url.startsWith("file://") && !url.startsWith("data:")),
        where,
      ).toEqual([]);
      expect(seen.pictures, where).toBe(7);
      expect(seen.unnamed, where).toBe(0);
    }
    expect(new Set(all.map(({ background }) => background)).size).toBe(2);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

function browse(file: string, directory: string): Promise<{ status: number | string; stdout: string; stderr: string }> {
  const script = fileURLToPath(new URL("page.mjs", import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [script, file, directory], { timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ status: error ? (error.code ?? error.message) : 0, stdout, stderr });
    });
  });
}
