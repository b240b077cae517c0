/**
 * The cheap checks that any backend can make before it runs a kernel, read off the kernel's contract: every operand is there,
 * alive, of the right kind, long enough, and an output is no other operand. It does not look at values.
 */
import type { Handle } from "../engine/backend.ts";
import { TaperError } from "../engine/errors.ts";
import type { Contract } from "./contract.ts";
import { inferenceContracts, type TrainingKernelName, trainingContracts } from "./index.ts";

/** A contract whose sizes are not known statically. */
export type AnyContract = Contract<TrainingKernelName, never>;

const contracts = new Map<string, AnyContract>([...inferenceContracts, ...trainingContracts].map((c) => [c.name, c]));

/** The contract of a kernel by name. */
export function contractOf(name: TrainingKernelName): AnyContract {
  return known(contracts.get(name), name);
}

function known<T>(found: T | undefined, name: string): T {
  if (found === undefined) throw new TaperError("ERR_BACKEND", `there is no kernel named "${name}"`);
  return found;
}

/** A contract's operands as a list, outputs first, which is walked at every operation. */
interface Entry {
  readonly key: string;
  readonly kind: Handle["kind"];
  readonly isOptional: boolean;
  readonly isOutput: boolean;
  readonly shape: (sizes: never) => readonly number[];
}

const entries = new Map<string, readonly Entry[]>(
  [...contracts].map(([name, { operands }]) => [
    name,
    Object.entries(operands)
      .map(
        ([key, { role, kind, optional, shape }]): Entry => ({
          key,
          kind: kind ?? (role === "packed" ? "packed" : "f32"),
          isOptional: optional ?? false,
          isOutput: role !== "in" && role !== "packed",
          shape,
        }),
      )
      .sort((a, b) => Number(b.isOutput) - Number(a.isOutput)),
  ]),
);

/**
 * Throws ERR_INPUT if an operand of kernel `name` is missing, of the wrong kind, too short or aliased by an output,
 * ERR_DISPOSED if `isAlive` says no.
 */
export function checkOperands(name: TrainingKernelName, args: object, isAlive: (handle: Handle) => boolean): void {
  const handles = args as Readonly<Record<string, Handle | undefined>>;
  const operands = known(entries.get(name), name);
  let output: Handle | undefined;
  for (let i = 0; i < operands.length; i++) {
    const { key, kind, isOptional, isOutput, shape } = operands[i];
    const handle = handles[key];
    if (handle === undefined) {
      if (isOptional) continue;
      throw new TaperError("ERR_INPUT", `${name}: operand "${key}" is missing; pass a handle of this backend`);
    }
    if (!isAlive(handle)) {
      throw new TaperError("ERR_DISPOSED", `${name}: operand "${key}" was released, or belongs to another backend`);
    }
    if (handle.kind !== kind) {
      throw new TaperError("ERR_INPUT", `${name}: operand "${key}" must be ${kind}, found ${handle.kind}`);
    }
    const sides = shape(args as never);
    let size = 1;
    for (let side = 0; side < sides.length; side++) size *= sides[side];
    if (!(handle.length >= size)) {
      const needs = `[${sides}] = ${size} values`;
      throw new TaperError("ERR_INPUT", `${name}: operand "${key}" needs ${needs}, its buffer holds ${handle.length}`);
    }
    // Most have one output, and it is the first: what comes after is compared with it on the way.
    if (handle === output || (isOutput && output !== undefined)) refuseAliases(name, handles, operands);
    output ??= handle;
  }
}

/** Throws ERR_INPUT if an output is also another operand. */
function refuseAliases(
  name: string,
  handles: Readonly<Record<string, Handle | undefined>>,
  operands: readonly Entry[],
): void {
  for (const { key, isOutput } of operands) {
    if (!isOutput || handles[key] === undefined) continue;
    for (const other of operands) {
      if (other.key === key || handles[other.key] !== handles[key]) continue;
      throw new TaperError(
        "ERR_INPUT",
        `${name}: output "${key}" is also operand "${other.key}"; give it its own buffer`,
      );
    }
  }
}
