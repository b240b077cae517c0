/**
 * Every gradient kernel of the wasm backend against its own forward in float32: Σ gradient · u along a random direction u of each
 * input, against a central difference of L = Σ ∂L/∂output · output along u. No reference comes between the two.
 *
 * How far they may be apart, with h the step:
 *   rounding    Σ |∂L/∂output| · bound / 2h at both ends, with the forward's bound from kernels/tolerance.ts
 *   truncation  |D(2h) − D(h)|, three times the leading term h²/6 · L‴ of D(h); it knows nothing of the gradient
 *   gradient    Σ |u| · bound, with the gradient's bound from kernels/tolerance.ts
 * An output that a gradient is given in place of its input is itself within the forward's bound: 1/h times less than the rounding.
 * Rounding falls as 1/h and truncation as h², so h ≈ ∛ε = 2⁻⁸; a little more, as L adds up many roundings. Displaced inputs are
 * rounded to float32 first, and u is taken from what they then are. keepMask's straight-through slope is a formula, and held to it.
 */
import { afterAll, describe, expect, test } from "vitest";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { Bounds } from "../../kernels/tolerance.ts";
import { type Case, generator, type Values, waysToCall } from "./cases.ts";
import { boundsOf, describeCase } from "./run.ts";
import { type Arrays, type Check, casesOf, checks, gradientKernels, objective, type Run, runOn } from "./slopes.ts";
import { acceptedVariants } from "./wasm-variants.ts";

const step = 2 ** -6;
/** A comparison whose tolerance is at most this part of the slope would show a wrong factor. Every gradient must get one. */
const sharp = 0.02;

describe.each(acceptedVariants)("wasm, %s", (variant) => {
  const backend = wasmBackend({ variant });
  const run = runOn(backend, backend.read);
  afterAll(() => backend.dispose());

  test.each(gradientKernels)("%s is the slope of its forward", (name) => {
    const sharpest = new Map<string, number>();
    for (const [way] of waysToCall(name).entries()) {
      for (const given of casesOf(name, way)) {
        for (const check of checks[name] ?? []) slopes(run, given, check, sharpest);
      }
    }
    const gradients = (checks[name] ?? []).flatMap(({ inputs }) => Object.keys(inputs));
    expect(gradients.length, `a check in slopes.ts of ${name}`).toBeGreaterThan(0);
    for (const gradient of gradients) expect(sharpest.get(gradient), gradient).toBeLessThan(sharp);
  });
});

/** Compares the slope along one direction of each input, and notes the sharpest comparison of each gradient. */
function slopes(run: Run, given: Case, check: Check, sharpest: Map<string, number>): void {
  const { name, sizes, scalars } = given;
  const operands = inSingle(check.prepare?.(run, given.operands, sizes) ?? given.operands);
  const after = run(name, operands, sizes, scalars);
  const gradientBounds = boundsOf({ ...given, operands });
  for (const [gradient, input] of Object.entries(check.inputs)) {
    if (!operands[gradient] || !operands[input] || operands[input].length === 0) continue;
    const u = direction(operands[input], check.notAtZero?.includes(input) ?? false);
    const ends = (by: number) => [by, -by].map((h) => along(run, given, check, operands, input, u, h));
    const difference = ([up, down]: End[], h: number): number => (up.value - down.value) / (2 * h);
    const [near, far] = [ends(step), ends(2 * step)];
    const slope = difference(near, step);

    let [found, allowed] = [
      0,
      Math.abs(difference(far, 2 * step) - slope) + (near[0].missed + near[1].missed) / (2 * step),
    ];
    for (let i = 0; i < u.length; i++) {
      const moved = (near[0].moved[i] - near[1].moved[i]) / (2 * step);
      found += moved * (after[gradient][i] - operands[gradient][i]);
      allowed += Math.abs(moved) * gradientBounds[gradient](i);
    }
    if (!(Math.abs(found - slope) <= allowed)) {
      expect.fail(
        `${describeCase(given)}: ${gradient} · u is ${found}, the slope along u ${slope}, allowed ${allowed}`,
      );
    }
    const part = allowed / Math.abs(slope);
    if (slope !== 0) sharpest.set(gradient, Math.min(part, sharpest.get(gradient) ?? part));
  }
}

interface End {
  /** The input there. */
  readonly moved: Values;
  /** L, and how far its outputs' rounding may have put it off. */
  readonly value: number;
  readonly missed: number;
}

function along(
  run: Run,
  given: Case,
  check: Check,
  operands: Case["operands"],
  input: string,
  u: Float64Array,
  h: number,
): End {
  const moved = Float32Array.from(operands[input], (value, i) => value + h * u[i]);
  const there = { ...operands, [input]: moved };
  let bounds: Bounds = {};
  const bounded: Run = (name, values, sizes, scalars) => {
    bounds = boundsOf({ name, operands: inSingle(values), sizes, scalars });
    return run(name, values, sizes, scalars);
  };
  const results = check.forward(bounded, there, given.sizes, given.scalars);
  let missed = 0;
  for (const [slope, output] of Object.entries(check.outputs)) {
    for (const [i, factor] of (operands[slope] ?? []).entries())
      missed += Math.abs(factor) * (bounds[output]?.(i) ?? 0);
  }
  return { moved, value: objective(check, there, results), missed };
}

function inSingle(values: Arrays): Case["operands"] {
  const single = (of: Arrays[string]): Values => (of instanceof Int32Array ? of : Float32Array.from(of));
  return Object.fromEntries(Object.entries(values).map(([key, of]) => [key, single(of)]));
}

/** Uniform in [−1, 1); in proportion to the values where zeros must stay. */
function direction(values: Values, keepZeros: boolean): Float64Array {
  const random = generator(values.length);
  return Float64Array.from(values, (value) => (2 * random() - 1) * (keepZeros ? value : 1));
}
