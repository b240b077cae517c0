// Every gradient kernel against central differences of its forward kernel, in float64 on the reference, place by place. The float32
// forms are held against these gradients by the generic test, and against their own forwards by gradients-wasm.test.ts.
import { describe, expect, test } from "vitest";
import { referenceBackend } from "../../kernels/backends/reference.ts";
import type { TrainingKernelName } from "../../kernels/index.ts";
import { type Sizes, type Values, waysToCall } from "./cases.ts";
import { type Arrays, type Check, casesOf, checks, gradientKernels, objective, runOn, type Scalars } from "./slopes.ts";

const backend = referenceBackend();
const run = runOn(backend, backend.readExact);

test("every gradient kernel is checked", () => {
  expect(Object.keys(checks).sort()).toEqual([...gradientKernels].sort());
});

describe.each(gradientKernels)("%s", (name) => {
  test.each(waysToCall(name).map((_, way) => [way]))("is the slope of its forward, call %i", (way) => {
    let compared = 0;
    for (const { operands, sizes, scalars } of casesOf(name, way)) {
      for (const check of checks[name] ?? []) compared += slopes(name, check, exactly(operands), sizes, scalars);
    }
    expect(compared).toBeGreaterThan(0);
  });
});

function exactly(operands: Readonly<Record<string, Values>>): Arrays {
  const widen = (values: Values): Float64Array | Int32Array =>
    values instanceof Int32Array ? values : Float64Array.from(values);
  return Object.fromEntries(Object.entries(operands).map(([key, values]) => [key, widen(values)]));
}

/** Compares up to 12 places of each gradient with central differences; says how many it compared. */
function slopes(name: TrainingKernelName, check: Check, given: Arrays, sizes: Sizes, scalars: Scalars): number {
  const operands = check.prepare?.(run, given, sizes) ?? given;
  const after = run(name, operands, sizes, scalars);
  const value = (changed: Arrays): number => objective(check, changed, check.forward(run, changed, sizes, scalars));
  let compared = 0;
  for (const [gradient, input] of Object.entries(check.inputs)) {
    if (!operands[gradient] || !operands[input]) continue;
    const size = operands[input].length;
    for (let i = 0; i < size; i += Math.max(1, Math.ceil(size / 12))) {
      if (operands[input][i] === 0 && check.notAtZero?.includes(input)) continue;
      const moved = (by: number): number => {
        const changed = Float64Array.from(operands[input]);
        changed[i] += by;
        return value({ ...operands, [input]: changed });
      };
      const step = 1e-5;
      const [up, down] = [moved(step), moved(-step)];
      const slope = (up - down) / (2 * step);
      const found = after[gradient][i] - operands[gradient][i];
      // Rounding of L costs ε·|L|/step, the third derivative step².
      const allowed = 1e-7 * (1 + Math.abs(slope)) + 1e-10 * (Math.abs(up) + Math.abs(down));
      if (Math.abs(found - slope) > allowed) {
        expect.fail(
          `${name} ${JSON.stringify({ ...sizes, ...scalars })}: ${gradient}[${i}] is ${found}, the slope ${slope}`,
        );
      }
      compared++;
    }
  }
  return compared;
}
