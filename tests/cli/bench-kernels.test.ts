/** `taperbert bench kernels`: the object that scripts read, and what asking wrongly gets. */
import { expect, it } from "vitest";
import { openPeer } from "../../bench/peers/index.ts";
import { objects, run } from "./run.ts";

const quick = ["--only", "softmax", "--rows", "8", "--runs", "1"];

it("prints one object: peaks, rows by kernel, shape and build, and who could not take part", async () => {
  const ran = await run(["bench", "kernels", ...quick, "--simd", "plain,wide", "--json"]);
  expect([ran.code, ran.err]).toEqual([0, []]);
  const [report] = objects(ran);
  expect(report).toMatchObject({ schemaVersion: 1, threads: 1, shares: [] });
  expect(report.environment).toHaveProperty("cpu");
  const { peaks, rows, refused } = report as Record<string, Record<string, unknown>[]>;
  // "wide" ran, or it is said why not.
  expect([...peaks.map(({ variant }) => variant), ...refused.map(({ by }) => by)]).toEqual(["plain", "wide"]);
  for (const { why } of refused) expect(why).toContain("Node 24");
  for (const peak of peaks) {
    expect(peak.flopsPerSecond).toBeGreaterThan(0);
    for (const read of peak.reads as Record<string, number>[]) expect(read.bytesPerSecond).toBeGreaterThan(0);
  }
  expect(rows.map(({ by }) => by)).toEqual(peaks.map(({ variant }) => variant));
  for (const row of rows) {
    expect(row).toMatchObject({ kernel: "softmax", shape: "8 × 8", rows: 8 });
    for (const name of ["microseconds", "drift", "gbytesPerSecond", "nsPerElement", "ofReadPeak"]) {
      expect(row[name], name).toBeGreaterThan(0);
    }
  }
});

it("prints tables for people, and says of a peer that is not installed how it would be", async () => {
  const ran = await run(["bench", "kernels", ...quick, "--simd", "plain", "--peers", "onnxruntime-node"]);
  expect(ran.code, ran.err.join()).toBe(0);
  expect(ran.out.some((line) => /^softmax +8 × 8 +plain/.test(line))).toBe(true);
  const peer = await openPeer("onnxruntime-node");
  const said = ran.out.filter((line) => line.startsWith("onnxruntime-node: "));
  expect(said).toEqual("absent" in peer ? [`onnxruntime-node: ${peer.absent}`] : []);
  expect(ran.out[0]).toMatch(/^peaks +GFLOP\/s/);
});

it("measures products of any shape, at any number of rows", async () => {
  const ran = await run(
    "bench kernels --only matmul,matmulInt8 --shape 40x24 --rows 5 --simd plain --runs 1 --json".split(" "),
  );
  expect([ran.code, ran.err]).toEqual([0, []]);
  const [report] = objects(ran) as { rows: Record<string, unknown>[] }[];
  expect(report.rows.map(({ kernel, shape }) => [kernel, shape])).toEqual([
    ["matmul", "5 × 40 × 24"],
    ["matmulInt8", "5 × 40 × 24"],
  ]);
});

it("names the nearest kernel, build and peer, and says when nothing is left", async () => {
  const refused = async (...argv: string[]) => {
    const ran = await run(["bench", "kernels", ...argv]);
    expect([ran.code, ran.out]).toEqual([2, []]);
    return ran.err.join();
  };
  expect(await refused("--only", "matmull")).toContain('did you mean "matmul"?');
  expect(await refused("--simd", "wid")).toContain('did you mean "wide"?');
  expect(await refused("--peers", "onnxruntime")).toContain("onnxruntime-");
  expect(await refused("--rows", "7,x")).toContain('--rows: expected a whole number from 1 to 8192, found "x"');
  expect(await refused("--shape", "0x5")).toContain("--shape: expected 1 to");
  expect(await refused("--shape", "100000x100000")).toContain("--shape: expected 1 to");
  expect(await refused("--only", "softmax", "--shape", "768x3072")).toContain("leave nothing to run");
});
