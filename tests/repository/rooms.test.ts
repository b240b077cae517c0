/** Who may import whom (ARCHITECTURE.md): a room reaches only into the rooms listed for it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const mayImport: Record<string, readonly string[]> = {
  engine: [],
  kernels: ["engine"],
  skim: ["engine", "kernels"],
  exit: ["engine", "kernels"],
  bert: ["engine", "kernels", "skim", "exit"],
  pipeline: ["engine", "kernels", "skim", "exit", "bert"],
  train: ["engine", "kernels", "skim", "exit", "bert"],
  bench: ["engine", "kernels", "skim", "exit", "bert", "pipeline", "train"],
  cli: ["engine", "kernels", "skim", "exit", "bert", "pipeline", "train", "bench"],
  // Written against the public surface, and a few drawings beside it.
  examples: ["index.ts", "gpu.ts", "engine", "kernels", "skim", "exit", "bert", "pipeline", "bench"],
};

function sources(room: string): string[] {
  return readdirSync(room, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/node_modules|(^|\/)dist\//.test(file))
    .map((file) => join(room, file));
}

it.each(Object.keys(mayImport))("%s imports only what it may", (room) => {
  const files = sources(room);
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) {
    const depth = file.split("/").length - 1;
    const toRoot = "../".repeat(depth);
    for (const [, specifier] of readFileSync(file, "utf8").matchAll(/(?:from|import\()\s*"(\.[^"]*)"/g)) {
      if (!specifier.startsWith(toRoot)) continue;
      const target = specifier.slice(toRoot.length).split("/")[0];
      expect([room, ...mayImport[room]], `${file} imports ${specifier}`).toContain(target);
    }
  }
});

it("keeps global state out: no room has a top-level let or var", () => {
  for (const room of Object.keys(mayImport)) {
    for (const file of sources(room)) {
      expect(readFileSync(file, "utf8"), file).not.toMatch(/^(?:export )?(?:let|var) /m);
    }
  }
});
