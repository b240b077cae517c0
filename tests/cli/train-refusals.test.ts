/** What `taperbert train` leaves when it cannot do what it was asked: an exit code, a line with the reason, nothing half-written. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { built } from "../support/built.ts";
import { tinyData } from "../support/tiny-run.ts";
import { run } from "./run.ts";

let folder: string;
let data: string;
let plan: string;
let out: string;

beforeEach(() => {
  ({ folder, data } = tinyData(60));
  plan = join(folder, "plan.json");
  out = join(folder, "out");
});
afterEach(() => rmSync(folder, { recursive: true }));

const putPlan = (changes: object = {}): void => {
  const shape = { layers: 1, d: 8, h: 2, f: 8 };
  const labels = ["bad", "good"];
  const small = { maxPositions: 16, maxTokens: 16, tokensPerStep: 256, epochs: 1, holdOut: 5 };
  writeFileSync(
    plan,
    JSON.stringify({ recipe: "classify", shape, vocabulary: folder, labels, data: [data], ...small, ...changes }),
  );
};

async function refused(code: number, more: readonly string[], ...parts: string[]): Promise<void> {
  const ran = await run(["train", "--config", plan, "--out", out, "--workers", "1", ...more]);
  const message = ran.err.at(-1);
  expect(message).toMatch(/^taperbert: .* \[ERR_[A-Z]+\]$/s);
  for (const part of parts) expect(message).toContain(part);
  expect([ran.code, ran.out]).toEqual([code, []]);
}

it("names the flag, and hangs nothing onto the process", async () => {
  putPlan();
  const listeners = process.listenerCount("SIGINT");
  await refused(2, ["--simd", "fast"], "simd", '"fast"', "ERR_OPTION");
  await refused(2, ["--wrokers", "2"], "--wrokers", "--workers");
  await refused(2, ["--workers", "0"], "--workers", "ERR_OPTION");
  await refused(2, ["--resume"], out, "no run to resume");
  expect(process.listenerCount("SIGINT")).toBe(listeners);
  expect(existsSync(out)).toBe(false);
});

it("names the file and the setting of a bad plan", async () => {
  await refused(1, [], plan, "ERR_FILE");
  writeFileSync(plan, "{");
  await refused(1, [], plan, "JSON", "ERR_CONFIG");
  putPlan({ epoch: 3 });
  await refused(1, [], plan, '"epoch"', "ERR_CONFIG");
  for (const dials of [null, 5, { exit: { entropy: 2 } }, { skip: false }]) {
    putPlan({ dials });
    await refused(1, [], plan, "dials", "ERR_CONFIG");
  }
  putPlan({ vocabulary: join(folder, "nowhere") });
  await refused(1, [], "nowhere", "ERR_FILE");
  expect(existsSync(out)).toBe(false);
});

it("names the bad row, and makes no directory for it", async () => {
  putPlan();
  appendFileSync(data, "no label here\n");
  await refused(1, [], data, "row 62", "2 fields", "ERR_DATA");
  writeFileSync(data, "sentence\tlabel\ngood\t1\nbad\t2\n");
  await refused(1, [], data, "row 3", "ERR_DATA");
  writeFileSync(data, Uint8Array.of(...new TextEncoder().encode("sentence\tlabel\ngood\t1\n"), 0xff, 9, 0x31, 10));
  await refused(1, [], data, "row 3", "UTF-8", "ERR_DATA");
  rmSync(data);
  await refused(1, [], data, "ERR_FILE");
  expect(existsSync(out)).toBe(false);
});

it("refuses a place where nothing can be written", async () => {
  putPlan();
  writeFileSync(out, "a file of somebody's");
  await refused(1, [], out, "ERR_FILE");
  expect(readFileSync(out, "utf8")).toBe("a file of somebody's");
  rmSync(out);
  mkdirSync(out);
  writeFileSync(join(out, "train.json"), "{");
  await refused(1, [], "train.json", "JSON", "ERR_CONFIG");
  expect(readdirSync(out)).toEqual(["train.json"]);
});

it("leaves no half of a file when one cannot be written", async () => {
  built("train-worker.js");
  putPlan();
  mkdirSync(join(out, "vocab.txt", "in the way"), { recursive: true });
  await refused(1, [], join(out, "vocab.txt"), "ERR_FILE");
  const left = readdirSync(out);
  expect(left.filter((name) => name.endsWith(".tmp"))).toEqual([]);
  expect(left).toContain("checkpoint.safetensors");
  rmSync(join(out, "vocab.txt"), { recursive: true });
  const resumed = await run(["train", "--config", plan, "--out", out, "--workers", "1", "--resume"]);
  expect([resumed.code, existsSync(join(out, "model.safetensors"))]).toEqual([0, true]);
});
