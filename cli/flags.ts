/**
 * Flags of a command: declared once, parsed strictly, listed in --help. An unknown flag is an error that names the nearest known one.
 */
import { parseArgs } from "node:util";
import { nearestName, TaperError } from "../engine/errors.ts";
import type { Io } from "./io.ts";

export interface Flag {
  readonly type: "string" | "boolean";
  /** What stands for the value in --help. */
  readonly value?: string;
  readonly help: string;
}

export type Flags = Readonly<Record<string, Flag>>;

export type Values<F extends Flags> = {
  readonly [K in keyof F]?: (F[K]["type"] extends "boolean" ? boolean : string) | undefined;
};

export const commonFlags = {
  json: { type: "boolean", help: "print JSON, an object a line" },
  help: { type: "boolean", help: "print this" },
} as const satisfies Flags;

export interface Parsed<F extends Flags> {
  readonly values: Values<F>;
  readonly texts: readonly string[];
}

/** Parses what follows a command's name. Throws ERR_OPTION for anything that is not declared. */
export function parseFlags<F extends Flags>(
  command: string,
  argv: readonly string[],
  flags: F,
  { texts = false } = {},
): Parsed<F> {
  const args = attachNegativeNumbers(argv, flags);
  const options = Object.fromEntries(Object.entries(flags).map(([name, { type }]) => [name, { type }]));
  const { tokens } = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true });
  for (const token of tokens) {
    if (token.kind === "option" && !Object.hasOwn(flags, token.name)) {
      const near = nearestName(token.name, Object.keys(flags));
      const hint = near === undefined ? `see taperbert ${command} --help` : `did you mean --${near}?`;
      throw new TaperError("ERR_OPTION", `${command} has no flag ${token.rawName}; ${hint}`);
    }
    if (token.kind === "positional" && !texts) {
      throw new TaperError(
        "ERR_OPTION",
        `${command} takes flags only, found "${token.value}"; see taperbert ${command} --help.`,
      );
    }
  }
  try {
    const { values, positionals } = parseArgs({ args, options, strict: true, allowPositionals: true });
    return { values: values as Values<F>, texts: positionals };
  } catch (error) {
    throw new TaperError("ERR_OPTION", `${command}: ${(error as Error).message}`, { cause: error });
  }
}

/** `--keep-threshold -1` is a value, though it begins like a flag. */
function attachNegativeNumbers(argv: readonly string[], flags: Flags): string[] {
  const args: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const takesValue = argv[i].startsWith("--") && flags[argv[i].slice(2)]?.type === "string";
    if (takesValue && /^-(\.?\d|Infinity)/.test(argv[i + 1] ?? "")) args.push(`${argv[i]}=${argv[++i]}`);
    else args.push(argv[i]);
  }
  return args;
}

/** A flag's value as a number. Throws ERR_OPTION if it is none, below `least` or above `most`, or not whole where it must be. */
export function numberOf(
  value: string | undefined,
  flag: string,
  { least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY, whole = false } = {},
): number | undefined {
  if (value === undefined) return undefined;
  const number = value.trim() === "" ? Number.NaN : Number(value);
  if (number >= least && number <= most && (!whole || Number.isSafeInteger(number))) return number;
  const from = least > -Number.MAX_VALUE ? ` from ${least}` : "";
  const to = most < Number.MAX_VALUE ? ` to ${most}` : "";
  const kind = `${whole ? "a whole number" : "a number"}${from}${to}`;
  throw new TaperError("ERR_OPTION", `--${flag}: expected ${kind}, found "${value}".`);
}

/** A flag's comma-separated names, each one of the known; all of them without the flag. Throws ERR_OPTION, naming the nearest. */
export function namesOf<Name extends string>(
  text: string | undefined,
  flag: string,
  known: readonly Name[],
): readonly Name[] {
  return text === undefined ? known : text.split(",").map((name) => nameOf(name, flag, known));
}

/** A flag's one name. Throws as `namesOf`. */
export function nameOf<Name extends string>(name: string, flag: string, known: readonly Name[]): Name {
  const found = known.find((one) => one === name);
  if (found !== undefined) return found;
  const near = nearestName(name, known);
  const hint = near === undefined ? `known are ${known.join(", ")}` : `did you mean "${near}"?`;
  throw new TaperError("ERR_OPTION", `--${flag} has no "${name}"; ${hint}.`);
}

/** A value that a command cannot do without. Throws ERR_OPTION. */
export function required(value: string | undefined, command: string, flag: string): string {
  if (value !== undefined && value !== "") return value;
  throw new TaperError("ERR_OPTION", `${command} needs --${flag}; see taperbert ${command} --help.`);
}

/** Examples first, then what each flag means. */
export function printHelp(io: Io, examples: readonly string[], about: string, flags: Flags): void {
  io.out("Examples:");
  for (const example of examples) io.out(`  ${example}`);
  io.out(`\n${about}\n\nFlags:`);
  const heads = Object.entries(flags).map(([name, { value }]) => `--${name}${value === undefined ? "" : ` ${value}`}`);
  const width = Math.max(...heads.map((head) => head.length));
  for (const [i, { help }] of Object.values(flags).entries()) io.out(`  ${heads[i].padEnd(width)}  ${help}`);
}
