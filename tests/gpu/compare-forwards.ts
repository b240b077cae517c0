/**
 * A forward on the GPU against the CPU's with the CPU's decisions replayed. Where the GPU would have decided otherwise is counted, and
 * may happen only where the margin is below 1e-4.
 */
import type { Dials } from "../../bert/dials.ts";
import type { Model } from "../../bert/model.ts";
import type { Trace } from "../../bert/trace.ts";
import { equal, largestDifference, ok } from "./checks.ts";
import { note } from "./runner.ts";

export const TOLERANCE = 2e-5;
const FLIP_MARGIN = 1e-4;

/** Throws unless logits and states agree; returns the CPU's traces. */
export async function compareForwards(
  cpu: Model,
  onGpu: Model,
  name: string,
  ids: readonly (readonly number[])[],
  dials: Dials,
): Promise<Trace[]> {
  const expected = await cpu.forward(ids, { ...dials, hidden: true });
  const found = await onGpu.forward(ids, { ...dials, hidden: true, replay: expected.trace });
  const logits = largestDifference(found.logits, expected.logits);
  const states = largestDifference(found.hidden ?? [], expected.hidden ?? []);
  const flips = found.flips ?? { count: Number.NaN, largestMargin: Number.NaN };
  const rows = [found, expected].map(({ trace }) => trace.flatMap(({ fed }) => fed).reduce((sum, n) => sum + n, 0));
  note(
    `${name}: logits ${logits.toExponential(1)} apart, states ${states.toExponential(1)}, ` +
      `${flips.count} flips, ${rows[1]} rows fed`,
  );
  ok(logits <= TOLERANCE, `${name}: logits are ${logits} apart`);
  ok(states <= TOLERANCE, `${name}: states are ${states} apart`);
  ok(flips.count === 0 || flips.largestMargin < FLIP_MARGIN, `${name}: flips at a margin of ${flips.largestMargin}`);
  equal(rows[0], rows[1], `${name}: rows fed`);
  return expected.trace;
}
