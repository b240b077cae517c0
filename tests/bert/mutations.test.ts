/** Random damage to the files of a model directory: loading works or is refused with a code, whatever bytes there are. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, it } from "vitest";
import { loadModel } from "../../bert/load.ts";
import { TaperError } from "../../engine/errors.ts";
import { spoiledModel } from "../support/spoiled-model.ts";

const files = ["config.json", "taperbert.json", "vocab.txt", "model.safetensors"] as const;
/** Set TAPER_CASES for a longer search. */
const cases = Number(process.env.TAPER_CASES ?? 150);
const bad = spoiledModel();

/** Changes to bytes, anywhere or (where most depends on them) among the first few thousand. */
type Damage = (bytes: Uint8Array) => Uint8Array;

const position = fc.oneof(fc.nat(), fc.nat(6000));
const byteDamage: fc.Arbitrary<Damage> = fc.oneof(
  fc.tuple(position, fc.integer({ min: 1, max: 255 })).map(([at, flip]): Damage => {
    return (bytes) => bytes.map((byte, i) => (i === at % bytes.length ? byte ^ flip : byte));
  }),
  position.map(
    (at): Damage =>
      (bytes) =>
        bytes.subarray(0, at % bytes.length),
  ),
  fc.tuple(position, fc.uint8Array({ maxLength: 40 })).map(([at, inserted]): Damage => {
    return (bytes) => {
      const cut = at % (bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, cut), inserted, bytes.subarray(cut)]);
    };
  }),
  fc.tuple(position, position).map(([from, to]): Damage => {
    return (bytes) => Buffer.concat([bytes.subarray(0, from % bytes.length), bytes.subarray(to % bytes.length)]);
  }),
);

const strange = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(0, -1, 1, 2, 4, 24, 1e6, 1e7, 1e9, 1e300, "", "toString", "__proto__", null, [], {}, [[]]),
);

/** A value for one of the fields of a JSON file, at any depth; "delete" takes the field away. */
const fieldDamage = fc
  .tuple(fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), fc.oneof(fc.constant("delete"), strange))
  .map(([path, value]) => (json: Record<string, unknown>): void => {
    let parent = json;
    for (const [depth, step] of path.entries()) {
      const keys = Object.keys(parent);
      if (keys.length === 0) return;
      const key = keys[step % keys.length];
      const child = parent[key];
      if (depth < path.length - 1 && typeof child === "object" && child !== null) {
        parent = child as Record<string, unknown>;
        continue;
      }
      if (value === "delete") delete parent[key];
      else parent[key] = value;
      return;
    }
  });

const onJson = (change: (json: Record<string, unknown>) => void): Damage => {
  return (bytes) => {
    const json = JSON.parse(new TextDecoder().decode(bytes));
    change(json);
    return new TextEncoder().encode(JSON.stringify(json));
  };
};

/** The header changes and the data stay. */
const onHeader = (change: (json: Record<string, unknown>) => void): Damage => {
  return (bytes) => {
    const start = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const header = onJson(change)(bytes.subarray(8, start));
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
    return Buffer.concat([length, header, bytes.subarray(start)]);
  };
};

const damaged: fc.Arbitrary<readonly [file: (typeof files)[number], damage: Damage]> = fc.oneof(
  fc.tuple(fc.constantFrom(...files), byteDamage),
  fc.tuple(fc.constantFrom(files[0], files[1]), fieldDamage.map(onJson)),
  fc.tuple(fc.constant(files[3]), fieldDamage.map(onHeader)),
);

it(
  "loads and answers, or is refused with a code",
  async () => {
    const whole = new Map(files.map((name) => [name, readFileSync(`${bad.good}/${name}`)]));
    const outcomes = new Map<string, number>();
    const count = (outcome: string): void => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    await fc.assert(
      fc.asyncProperty(fc.array(damaged, { minLength: 1, maxLength: 2 }), async (damages) => {
        const now = new Map<string, Uint8Array>(whole);
        // The second damage to a file may find no JSON left.
        const seen = new Set<string>();
        for (const [name, damage] of damages) {
          if (!seen.has(name)) now.set(name, damage(whole.get(name)!));
          seen.add(name);
        }
        for (const [name, bytes] of now) bad.put(name, bytes);
        try {
          const model = await loadModel(bad.directory, { backend: "scalar", tokenBudget: 32 });
          await model.embed(["a good film \ud800", ""]);
          if (model.config.task === "sequence-classification") await model.classify(["not very good", ""]);
          await model.dispose();
          count("loaded");
        } catch (error) {
          if (!(error instanceof TaperError)) throw error;
          expect(error.message.length).toBeLessThan(2000);
          count(error.code);
        }
      }),
      { numRuns: cases },
    );
    for (const outcome of ["loaded", "ERR_CONFIG", "ERR_CHECKPOINT"]) expect(outcomes.get(outcome)).toBeGreaterThan(0);
    if (process.env.TAPER_CASES) console.info(Object.fromEntries(outcomes));
  },
  Math.max(60_000, 50 * cases),
);
