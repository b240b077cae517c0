/** `bench peers` with whatever peers are installed: what it reports, and what it refuses. */
import { expect, it } from "vitest";
import { objects, run } from "./run.ts";

const tiny = ["bench", "peers", "--shape", "1,8,2,8", "--runs", "2", "--seconds", "0.2", "--simd", "relaxed,wide"];

interface Report {
  readonly batches: readonly {
    readonly lengths: readonly number[];
    readonly paddedToReal: number;
    readonly rows: readonly {
      by: string;
      ms: { count: number };
      against: Record<string, number>;
      difference: number;
    }[];
  }[];
  readonly missing: readonly { name: string; absent: string }[];
}

async function report(...argv: string[]): Promise<Report> {
  const [object] = objects(await run([...tiny, ...argv, "--json"]));
  return object as unknown as Report;
}

it("times each length, and lists everybody either with rows or with a reason", async () => {
  const { batches, missing } = await report("--tokens", "3,5", "--peers", "onnxruntime-node,tfjs-wasm");
  expect(batches.map(({ lengths, paddedToReal }) => [lengths, paddedToReal])).toEqual([
    [[3], 1],
    [[5], 1],
  ]);
  for (const { rows } of batches) {
    const names = [...rows.map(({ by }) => by.replace("taperbert ", "")), ...missing.map(({ name }) => name)];
    expect(names.sort()).toEqual(["onnxruntime-node", "relaxed", "tfjs-wasm", "wide"]);
    for (const { by, ms, against, difference } of rows) {
      expect([1, 2]).toContain(ms.count);
      expect(against[by]).toBe(1);
      expect(difference).toBeLessThan(1e-4);
    }
  }
});

it("a batch says what padding costs", async () => {
  const { batches } = await report("--batch", "2,6,4", "--peers", "tfjs-wasm");
  expect(batches[0].lengths).toEqual([2, 6, 4]);
  expect(batches[0].paddedToReal).toBeGreaterThan(18 / 12);
  const ran = await run([...tiny, "--batch", "2,6,4", "--peers", "tfjs-wasm"]);
  expect(ran.out.join("\n")).toMatch(/3 texts of 2, 6, 4 tokens; padded ÷ real arithmetic 1\.\d\d×/);
});

it("says that a peer lacks 8 bits or threads", async () => {
  const eight = await report("--tokens", "2", "--peers", "tfjs-wasm", "--dtype", "int8");
  const threads = await report("--tokens", "2", "--peers", "tfjs-wasm", "--threads", "2");
  const reason = ({ missing }: Report) => missing.find(({ name }) => name === "tfjs-wasm")?.absent;
  expect(reason(eight)).toMatch(/no int8|npm --prefix/);
  expect(reason(threads)).toMatch(/no more than 1 thread|npm --prefix/);
});

it.each([
  [["--peers", "onnxruntime-wev"], 'did you mean "onnxruntime-web"?'],
  [["--simd", "relaxes"], 'did you mean "relaxed"?'],
  [["--dtype", "f16"], '--dtype has no "f16"'],
  [["--tokens", "3", "--batch", "3,4"], "--tokens and --batch are two runs"],
  [["--tokens", "600"], "at most 512 tokens a text, found 600"],
  [["--tokens", "3,x"], '--tokens: expected a whole number from 1, found "x"'],
  [["--start", "--dtype", "f32"], "--dtype does not go with --start"],
])("refuses %j", async (argv, message) => {
  const ran = await run(["bench", "peers", ...argv]);
  expect([ran.code, ran.out]).toEqual([2, []]);
  expect(ran.err.join("\n")).toContain(message);
});
