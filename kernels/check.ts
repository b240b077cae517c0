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
  const contract = contracts.get(name);
  if (!contract) throw new TaperError("ERR_BACKEND", `there is no kernel named "${name}"`);
  return contract;
}

/**
 * Throws ERR_INPUT if an operand of kernel `name` is missing, of the wrong kind, too short or aliased by an output,
 * ERR_DISPOSED if `isAlive` says no.
 */
export function checkOperands(name: TrainingKernelName, args: object, isAlive: (handle: Handle) => boolean): void {
  const { operands } = contractOf(name);
  const handles = args as Readonly<Record<string, Handle | undefined>>;
  for (const key in operands) {
    const { role, kind, optional, shape } = operands[key];
    const handle = handles[key];
    if (handle === undefined) {
      if (optional) continue;
      throw new TaperError("ERR_INPUT", `${name}: operand "${key}" is missing; pass a handle of this backend`);
    }
    if (!isAlive(handle)) {
      throw new TaperError("ERR_DISPOSED", `${name}: operand "${key}" was released, or belongs to another backend`);
    }
    const expected = kind ?? (role === "packed" ? "packed" : "f32");
    if (handle.kind !== expected) {
      throw new TaperError("ERR_INPUT", `${name}: operand "${key}" must be ${expected}, found ${handle.kind}`);
    }
    const sides = shape(args as never);
    let size = 1;
    for (const side of sides) size *= side;
    if (!(handle.length >= size)) {
      const needs = `[${sides}] = ${size} values`;
      throw new TaperError("ERR_INPUT", `${name}: operand "${key}" needs ${needs}, its buffer holds ${handle.length}`);
    }
    if (role === "in" || role === "packed") continue;
    for (const other in operands) {
      if (other === key || handles[other] !== handle) continue;
      throw new TaperError("ERR_INPUT", `${name}: output "${key}" is also operand "${other}"; give it its own buffer`);
    }
  }
}
