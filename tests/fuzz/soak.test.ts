/** A short run of scripts/soak.mjs: memory comes back in every way of running, and a killed thread is an error. */
import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { built } from "../support/built.ts";

it("models come and go", () => {
  built("index.js");
  const out = execFileSync(process.execPath, ["scripts/soak.mjs", "--cycles", "16", "--json"], { encoding: "utf8" });
  const { killed, ...ways } = JSON.parse(out.trimEnd().split("\n").at(-1)!);
  expect(Object.keys(ways).length).toBe(4);
  for (const [name, { flat }] of Object.entries(ways as Record<string, { flat: boolean }>))
    expect(flat, name).toBe(true);
  if (killed !== undefined) expect(killed.code).toBe("ERR_BACKEND");
});
