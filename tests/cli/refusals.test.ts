/** What asking wrongly gets: a line with a code, the right exit code, nothing on the standard output. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeTinyModel } from "../support/tiny-model.ts";
import { run } from "./run.ts";

let model: string;
const at = (name: string) => join(model, name);

beforeAll(() => {
  model = writeTinyModel();
});
afterAll(() => rmSync(model, { recursive: true }));

async function refused(code: number, argv: readonly string[], ...parts: string[]): Promise<void> {
  const ran = await run(argv);
  expect(ran.err).toHaveLength(1);
  expect(ran.err[0]).toMatch(/^taperbert: .* \[ERR_[A-Z]+\]$/s);
  for (const part of parts) expect(ran.err[0]).toContain(part);
  expect(ran.err[0]).not.toMatch(/\n\s+at /);
  expect(ran.code).toBe(code);
  expect(ran.out).toEqual([]);
}

it("names the nearest command, flag, bench and shape", async () => {
  await refused(2, ["clasify"], 'did you mean "classify"?', "ERR_OPTION");
  await refused(2, ["classify", "--modle", "x"], "--modle", "did you mean --model?");
  await refused(2, ["eval", "--keep-treshold", "1"], "did you mean --keep-threshold?");
  await refused(2, ["bench", "gflop"], 'did you mean "gflops"?');
  await refused(2, ["flops", "--shape", "bas"], 'did you mean "base"?');
});

it("says which flag is missing, impossible or contradicted", async () => {
  await refused(2, ["classify", "good"], "needs --model");
  await refused(2, ["eval", "--model", model], "needs --data");
  await refused(2, ["flops"], "either --model or --shape");
  await refused(2, ["flops", "--shape", "base", "--model", model], "either --model or --shape");
  await refused(2, ["flops", "--shape", "base", "--tokens", "0"], "--tokens: expected a whole number from 1");
  await refused(2, ["flops", "--shape", "2,10,3,8"], "10 is not divisible by heads 3");
  await refused(2, ["flops", "base"], 'found "base"');
  await refused(2, ["flops", "--model", model, "--tokens", "33"], "at most 32");
  await refused(2, ["flops", "--tokens"], "--tokens");
  await refused(2, ["flops", "--json=yes", "--shape", "base"], "--json");
  await refused(
    2,
    ["classify", "--model", model, "--entropy", "much", "x"],
    '--entropy: expected a number from 0 to 1, found "much"',
  );
  await refused(2, ["classify", "--model", model, "--entropy", "2", "x"], "--entropy: expected a number from 0 to 1");
  await refused(2, ["classify", "--model", model, "--no-skim", "--keep-threshold", "1", "x"], "contradict");
  await refused(2, ["classify", "--model", model, "--backend", "cuda", "x"], '"cuda"');
  await refused(2, ["eval", "--model", model, "--data", "x.tsv", "--runs", "3"], "--runs goes with --time");
  await refused(2, ["bench", "gflops", "--model", model], "either --data or --tokens");
  await refused(
    2,
    ["bench", "latency", "--model", model, "--tokens", "8", "--skim-schedule", "0.5"],
    "goes with --shape",
  );
  await refused(2, ["bench", "latency", "--shape", "tiny", "--tokens", "8", "--entropy", "0.5"], "random weights");
});

it("names the file that is missing or wrong", async () => {
  await refused(1, ["classify", "--model", "/nowhere", "x"], "/nowhere/config.json", "ERR_FILE");
  await refused(1, ["eval", "--model", model, "--data", "/nowhere.tsv"], "/nowhere.tsv", "ERR_FILE");
  await refused(2, ["eval", "--model", model, "--data", "/nowhere"], ".tsv, .jsonl or .txt");
  const broken = at("broken");
  mkdirSync(broken);
  for (const name of ["config.json", "vocab.txt", "taperbert.json"]) copyFileSync(at(name), join(broken, name));
  await refused(1, ["classify", "--model", broken, "x"], "model.safetensors", "ERR_FILE");
  writeFileSync(join(broken, "model.safetensors"), "not a checkpoint");
  await refused(1, ["classify", "--model", broken, "x"], "model.safetensors", "ERR_CHECKPOINT");
  writeFileSync(join(broken, "taperbert.json"), '{"schemaVersion":2}');
  await refused(1, ["info", "--model", broken], "taperbert.json", "ERR_CONFIG");
});

it("names the bad row of a data file and the reason", async () => {
  const file = at("bad.tsv");
  const evaluate = ["eval", "--model", model, "--data", file, "--json"];
  writeFileSync(file, "sentence\tlabel\ngood\t1\nno label here\n");
  await refused(1, evaluate, "row 3", "2 fields", "ERR_DATA");
  await refused(1, ["bench", "gflops", "--model", model, "--data", file], "row 3", "ERR_DATA");
  await refused(1, ["bench", "latency", "--model", model, "--data", file], "row 3", "ERR_DATA");
  writeFileSync(file, "sentence\tlabel\ngood\t1\nbad\t7\n");
  await refused(1, evaluate, "row 3", "from 0 to 1 (negative, positive); found 7", "ERR_DATA");
  writeFileSync(file, "sentence\ngood\n");
  await refused(1, evaluate, "row 2", "found none", "ERR_DATA");
  writeFileSync(file, "sentence\tlabel\n");
  await refused(1, evaluate, "at least one row", "ERR_DATA");
});

it("prints help with examples first, and the commands when there is none", async () => {
  const bare = await run([]);
  expect(bare.code).toBe(2);
  for (const argv of [
    ["--help"],
    ...["classify", "eval", "flops", "info", "tour", "bench"].map((name) => [name, "--help"]),
  ]) {
    const { code, out, err } = await run(argv);
    expect([code, out[0], err]).toEqual([0, "Examples:", []]);
  }
  expect(await run(["help", "bench", "gflops"])).toEqual(await run(["bench", "gflops", "--help"]));
  for (const name of ["gflops", "latency"]) expect((await run(["bench", name, "--help"])).out[0]).toBe("Examples:");
});

it("says which version it is", async () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  expect(await run(["--version"])).toMatchObject({ code: 0, out: [version] });
});

it("writes into folders that are not there yet", async () => {
  const out = at("new/folder/kernels.wasm");
  expect((await run(["emit-wasm", "--out", out])).code).toBe(0);
  expect(existsSync(out)).toBe(true);
  const blocked = join(out, "more.wasm");
  await refused(1, ["emit-wasm", "--out", blocked], `${blocked} cannot be written`, "ERR_FILE");
});

it("shows a stack only to those who ask", async () => {
  const { err } = await run(["flops"], { debug: true });
  expect(err[1]).toMatch(/TaperError[\s\S]+\n\s+at /);
});
