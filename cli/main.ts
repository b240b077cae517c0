/**
 * From arguments to an exit code: finds the command, runs it, and turns what it throws into one line.
 * 0: done. 1: failed. 2: it was asked for wrongly. 3: bench compare found a regression. Commands are loaded when they are called for.
 */
import { nearestName, TaperError } from "../engine/errors.ts";
import { packageVersion } from "./bundled-model.ts";
import type { Io } from "./io.ts";

/** Runs with what follows the command's name; returns the exit code. */
export type Command = (argv: readonly string[], io: Io) => Promise<number>;

const commands: Readonly<Record<string, { about: string; load: () => Promise<Command> }>> = {
  classify: {
    about: "label texts, from the command line or the standard input",
    load: async () => (await import("./classify.ts")).classify,
  },
  eval: {
    about: "accuracy, GFLOPs and milliseconds on a labelled file",
    load: async () => (await import("./eval.ts")).evaluation,
  },
  flops: { about: "what a shape costs, by layer and part", load: async () => (await import("./flops.ts")).flops },
  bench: {
    about: "gflops or latency on texts of yours; kernels; peers",
    load: async () => (await import("./bench.ts")).bench,
  },
  train: { about: "train a model from a config", load: async () => (await import("./train.ts")).train },
  quantize: {
    about: "a model directory into one with 8-bit weights",
    load: async () => (await import("./quantize.ts")).quantize,
  },
  verify: {
    about: "does a model compute here what was recorded with it",
    load: async () => (await import("./verify.ts")).verify,
  },
  adapt: {
    about: "make a dense BERT of yours faster: thresholds or predictors, exit heads, dials",
    load: async () => (await import("./adapt.ts")).adapt,
  },
  pareto: {
    about: "accuracy against operations at every setting of a model's dials",
    load: async () => (await import("./pareto.ts")).pareto,
  },
  calibrate: {
    about: "the fastest dials that are certified to lose little",
    load: async () => (await import("./calibrate.ts")).calibrate,
  },
  baseline: {
    about: "what a bag of bigrams gets on the same files",
    load: async () => (await import("./baseline.ts")).baseline,
  },
  "emit-wasm": {
    about: "the kernels' WebAssembly module as a file",
    load: async () => (await import("./emit-wasm.ts")).emitWasm,
  },
  info: { about: "what computes here and why; what a model has", load: async () => (await import("./info.ts")).info },
  tour: {
    about: "sample sentences through the bundled model, drawn",
    load: async () => (await import("./tour.ts")).tour,
  },
};

export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    const isHelp = argv[0] === "help" && argv.length > 1;
    const [name, ...rest] = isHelp ? [...argv.slice(1), "--help"] : argv;
    if (name === "--version" || name === "-v") {
      io.out(packageVersion());
      return 0;
    }
    if (name === undefined || name === "--help" || name === "-h" || name === "help") {
      printCommands(io);
      return name === undefined ? 2 : 0;
    }
    if (!Object.hasOwn(commands, name)) {
      const near = nearestName(name, Object.keys(commands));
      const hint = near === undefined ? "see taperbert --help" : `did you mean "${near}"?`;
      throw new TaperError("ERR_OPTION", `there is no command "${name}"; ${hint}`);
    }
    const command = await commands[name].load();
    return await command(rest, io);
  } catch (error) {
    return report(error, io);
  }
}

function report(error: unknown, io: Io): number {
  const known = error instanceof TaperError;
  const message = error instanceof Error ? error.message : String(error);
  io.err(`taperbert: ${message}${known ? ` [${error.code}]` : ""}`);
  if (io.debug && error instanceof Error) io.err(String(error.stack));
  return known && error.code === "ERR_OPTION" ? 2 : 1;
}

function printCommands(io: Io): void {
  io.out("Examples:");
  io.out('  taperbert classify --model DIR "a gorgeous, witty, seductive movie"');
  io.out("  taperbert eval --model DIR --data dev.tsv --json");
  io.out("  taperbert flops --shape base --tokens 128");
  io.out("\nA BERT that narrows as it reads.\n\nCommands:");
  for (const [name, { about }] of Object.entries(commands)) io.out(`  ${name.padEnd(9)} ${about}`);
  io.out(
    "\nEvery command has --help, and --json unless it writes files; --version prints this one's. Exit codes: 0 done, 1 failed, 2 asked for wrongly, 3 slower than before.",
  );
}
