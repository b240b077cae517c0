/** The built command as a process of its own: the shebang, the streams, the exit codes. */
import { execFile, spawn } from "node:child_process";
import { readFileSync, rmSync, statSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { built } from "../support/built.ts";
import { writeTinyModel } from "../support/tiny-model.ts";

const bin = built("taperbert.js");
let model: string;

beforeAll(() => {
  model = writeTinyModel();
});
afterAll(() => rmSync(model, { recursive: true }));

function start(argv: readonly string[], input?: string): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(bin, argv, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
    child.stdin?.end(input);
  });
}

it("is executable and begins as a program does", () => {
  expect(readFileSync(bin, "utf8").startsWith("#!/usr/bin/env node\n")).toBe(true);
  expect(statSync(bin).mode & 0o111).toBe(0o111);
});

it("classifies lines of the standard input, data on stdout", async () => {
  const { code, stdout, stderr } = await start(["classify", "--model", model, "--json"], "a good film\nnot good\n");
  expect([code, stderr]).toEqual([0, ""]);
  const lines = stdout.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).schemaVersion)).toEqual([1, 1]);
});

it("exits with 1 for what failed and 2 for what was asked wrongly, without a stack", async () => {
  const failed = await start(["classify", "--model", "/nowhere", "x"]);
  expect([failed.code, failed.stdout]).toEqual([1, ""]);
  expect(failed.stderr).toMatch(/^taperbert: .*\[ERR_FILE\]\n$/);
  const usage = await start(["classify", "--bogus"]);
  expect(usage.code).toBe(2);
  expect(usage.stderr).not.toContain("    at ");
});

it("ends quietly when its reader goes away", async () => {
  const child = spawn(bin, ["classify", "--model", model, "--json"]);
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end("a good film\n".repeat(3000));
  child.stdout.once("data", () => child.stdout.destroy());
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect([code, stderr]).toEqual([0, ""]);
});
