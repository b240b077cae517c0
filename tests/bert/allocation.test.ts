/**
 * A forward makes nothing that grows with its rows but what it returns: no buffers on the backend, no growing memory once the largest batch
 * has been through, and no typed arrays on this side, except for copies of what decisions are read from.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ForwardOptions, Model } from "../../bert/model.ts";
import { Random } from "../../engine/random.ts";
import { type WasmBackend, wasmBackend } from "../../kernels/backends/wasm.ts";
import { randomModel, smallConfig } from "../support/random-bert.ts";

const lists = { Int32Array, Uint8Array, Float32Array, Float64Array };
/** Values in the typed arrays that were made since the last forward began, and those that were read from the backend. */
let made = 0;
let read = 0;
let asked = 0;
let inner: WasmBackend;
let model: Model;

beforeEach(() => {
  inner = wasmBackend();
  const count =
    <A extends unknown[], R>(of: (...args: A) => R) =>
    (...args: A): R => {
      asked++;
      return of(...args);
    };
  const backend = {
    ...inner,
    allocate: count(inner.allocate),
    upload: count(inner.upload),
    pack: count(inner.pack),
    read(...args: Parameters<WasmBackend["read"]>) {
      const values = inner.read(...args);
      read += values.length;
      return values;
    },
  };
  model = randomModel(backend, 3, { ...smallConfig, maxPositions: 64 }, { tokenBudget: 200 });
  for (const [name, List] of Object.entries(lists)) {
    const counted = new Proxy(List, {
      construct(target, args: [never]) {
        const values = new target(...args);
        if (!((args[0] as unknown) instanceof ArrayBuffer)) made += values.length;
        return values;
      },
    });
    Object.assign(globalThis, { [name]: counted });
  }
});

afterEach(async () => {
  Object.assign(globalThis, lists);
  await model.dispose();
});

const random = new Random(5);
const text = (tokens: number) => Array.from({ length: tokens }, () => random.integer(smallConfig.vocabulary));

async function madeBy(
  ids: number[][],
  options: ForwardOptions,
): Promise<{ made: number; read: number; asked: number }> {
  [made, read, asked] = [0, 0, 0];
  await model.forward(ids, options);
  return { made, read, asked };
}

test.each([
  ["dense", { skim: false, exit: false }],
  ["asking every exit head", { skim: false, exit: { entropy: 0 } }],
] as const)("%s, a longer text makes no longer lists", async (_, options) => {
  await madeBy([text(64)], options);
  const short = await madeBy([text(4)], options);
  const long = await madeBy([text(64)], options);
  expect(short.made).toBeGreaterThan(0);
  expect(long).toEqual(short);
});

test("skimming makes as many margins and decisions as scores were read", async () => {
  const options = { skim: { keepThreshold: -100, attentionThreshold: 1e-9 }, exit: false } as const;
  const short = await madeBy([text(4)], options);
  const long = await madeBy([text(64)], options);
  expect(long.asked).toBe(0);
  expect(long.read).toBeGreaterThan(short.read);
  expect(long.made - short.made).toBeLessThanOrEqual(3 * (long.read - short.read));
});

test("no buffer is asked for, and memory stays as it was after the largest batches", async () => {
  const options = { skim: { attentionThreshold: 0.5 }, exit: false, hidden: false } as const;
  const probe = inner.allocate(1);
  const bytes = () => probe.data.buffer.byteLength;
  for (const ids of [[text(64), text(64), text(64)], Array.from({ length: 200 }, () => text(1))]) {
    await model.forward(ids, options);
  }
  const before = bytes();
  [made, read, asked] = [0, 0, 0];
  for (let round = 0; round < 40; round++) {
    await model.forward(
      Array.from({ length: 1 + random.integer(12) }, () => text(1 + random.integer(64))),
      options,
    );
  }
  expect(asked).toBe(0);
  expect(bytes()).toBe(before);
});
