/**
 * THE generic kernel test: walks the contracts and holds every form of a backend against the float64 reference.
 * Adversarial shapes, every way to call, random cases, NaN and infinities, and a row's result whatever its batch.
 * A backend states which kernels it has; a new kernel or backend is tested by being listed.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TrainingKernelName } from "../../kernels/index.ts";
import { type Case, makeCase, plans, usualShape, type Values, waysToCall } from "./cases.ts";
import { pieces, splits } from "./rows.ts";
import {
  type Comparison,
  describeCase,
  expectClose,
  run,
  runReference,
  sameBits,
  type TestableBackend,
} from "./run.ts";

export interface TestOptions {
  /** The kernels that this backend has: all inference kernels, or those and training's. */
  readonly kernels: readonly TrainingKernelName[];
  /** False where NaN and infinities cannot be relied on (WebGL2). Default true. */
  readonly nonFinite?: boolean;
  /** False where the order of a sum may depend on the shape. Default true. */
  readonly bitEqualRows?: boolean;
  /** Factor on every tolerance, for devices whose exp is worse than the table's. Default 1. */
  readonly slack?: number;
  /** Random cases per kernel. Default 60. */
  readonly randomCases?: number;
}

export function testBackend(
  name: string,
  makeBackend: () => TestableBackend | Promise<TestableBackend>,
  options: TestOptions,
): void {
  const { kernels, nonFinite = true, bitEqualRows = true, slack = 1, randomCases = 60 } = options;
  const garbage = nonFinite ? Number.NaN : 12345;
  describe(name, () => {
    let backend: TestableBackend;
    beforeAll(async () => {
      backend = await makeBackend();
    });
    afterAll(() => backend?.dispose());

    const compare = async (given: Case, skip?: Comparison["skip"]): Promise<void> => {
      const found = await run(backend, given, { garbage });
      expectClose(given, found, runReference(given), skip ? { slack, skip } : { slack });
    };

    describe.each(kernels)("%s", (kernel) => {
      const { shapes, random } = plans[kernel];
      const ways = waysToCall(kernel).length;

      test("every way to call it", async () => {
        for (let way = 0; way < ways; way++) await compare(makeCase(kernel, usualShape(shapes), way, way));
      });

      test("adversarial shapes", async () => {
        for (const [i, shape] of shapes.entries()) {
          await compare(makeCase(kernel, shape, i, i));
          if (ways > 1) await compare(makeCase(kernel, shape, i + (ways >> 1), i + 1000));
        }
      });

      test("random cases", async () => {
        const property = fc.asyncProperty(random, fc.nat(ways - 1), fc.integer(), async (shape, way, seed) => {
          await compare(makeCase(kernel, shape, way, seed));
        });
        await fc.assert(property, { numRuns: randomCases });
      });

      test.runIf(nonFinite)("NaN and infinities stay where the reference has them", async () => {
        for (let way = 0; way < ways; way++) {
          for (const [i, value] of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].entries()) {
            const given = makeCase(kernel, usualShape(shapes), way, 50 + i);
            for (const poisoned of poison(given, value)) await compare(poisoned.given, poisoned.skip);
          }
        }
      });

      if (!bitEqualRows || !splits[kernel]) return;
      test("a row's result is bit-equal for any batch", async () => {
        for (const [i, shape] of shapes.entries()) {
          const given = makeCase(kernel, shape, i, i + 2000);
          const whole = await run(backend, given, { garbage });
          for (const piece of pieces(given)) {
            const alone = await run(backend, piece.part, { garbage });
            for (const [key, values] of Object.entries(alone)) {
              const expected = piece.slice(whole, key);
              if (!sameBits(values, expected)) {
                expect.fail(
                  `${describeCase(given)}: ${key} of ${piece.what}: alone ${values}, in the batch ${expected}`,
                );
              }
            }
          }
        }
      });
    });
  });
}

interface Poisoned {
  readonly given: Case;
  readonly skip: Comparison["skip"];
}

/**
 * Copies of the case with one value of one float input replaced: somewhere, and in a row that the mask leaves out.
 * A mask itself is a weight between 0 and 1, never anything else.
 */
function poison(given: Case, value: number): Poisoned[] {
  const { operands } = given;
  const masked = operands.mask?.indexOf(0) ?? -1;
  return Object.entries(operands).flatMap(([key, values]) => {
    if (!(values instanceof Float32Array) || values.length === 0 || key === "mask") return [];
    const width = operands.mask ? values.length / operands.mask.length : 0;
    const places = [Math.floor(values.length / 3), ...(masked >= 0 && width >= 1 ? [masked * width] : [])];
    return places.map((place) => {
      const poisoned: Values = Float32Array.from(values, (old, i) => (i === place ? value : old));
      const note = `and ${value} in ${key}[${place}]`;
      const skip = unread(given, Math.floor(place / (values.length / given.sizes.n)));
      return { given: { ...given, operands: { ...operands, [key]: poisoned }, note }, skip };
    });
  });
}

/**
 * What nobody reads once a row is broken: of attention, its own text's rows that the mask leaves out (they still attend);
 * of attention's gradient, its whole text (0 · NaN is NaN there: a broken loss has no gradient).
 */
function unread({ name, sizes, operands }: Case, broken: number): Comparison["skip"] {
  if (!name.startsWith("attention")) return undefined;
  const { starts, mask } = operands;
  const textOf = (row: number): number => starts.findLastIndex((start) => start <= row);
  return (key, i) => {
    const row = Math.floor(i / (operands[key].length / sizes.n));
    return textOf(row) === textOf(broken) && (name === "attentionGradient" || mask?.[row] === 0);
  };
}
