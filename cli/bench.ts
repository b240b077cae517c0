/** `taperbert bench`: finds the bench that is asked for. */
import { nearestName, TaperError } from "../engine/errors.ts";
import type { Io } from "./io.ts";
import type { Command } from "./main.ts";

const benches: Readonly<Record<string, { about: string; load: () => Promise<Command> }>> = {
  gflops: {
    about: "GFLOPs executed against dense, by layer",
    load: async () => (await import("./bench-gflops.ts")).benchGflops,
  },
  latency: {
    about: "milliseconds, tails, throughput, cold starts, and what each saving saves",
    load: async () => (await import("./bench-latency.ts")).benchLatency,
  },
  report: {
    about: "all of it for one model on one file, as a page",
    load: async () => (await import("./bench-report.ts")).benchReport,
  },
  compare: {
    about: "two builds, models or reports, interleaved; exit code 3 on a regression",
    load: async () => (await import("./bench-compare.ts")).benchCompare,
  },
  kernels: {
    about: "rates of every kernel, as fractions of the machine's measured peaks",
    load: async () => (await import("./bench-kernels.ts")).benchKernels,
  },
  results: {
    about: "the page of results: every model of a plan on its tasks' test texts",
    load: async () => (await import("./bench-results.ts")).benchResults,
  },
  peers: {
    about: "a dense BERT here and in onnxruntime and TensorFlow.js, interleaved",
    load: async () => (await import("./bench-peers.ts")).benchPeers,
  },
};

export async function bench(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  if (name === "--help" || name === undefined) {
    io.out("Examples:");
    io.out("  taperbert bench gflops --model DIR --data dev.tsv");
    io.out("  taperbert bench latency --shape base --tokens 128 --skim-schedule 0.9,0.8,0.7,0.6,0.5");
    io.out("  taperbert bench kernels --only matmul --rows 1,8,128");
    io.out("  taperbert bench peers --shape mini");
    io.out("\nBenches:");
    for (const [known, { about }] of Object.entries(benches)) io.out(`  ${known.padEnd(8)} ${about}`);
    io.out("\nEach has --help.");
    return name === undefined ? 2 : 0;
  }
  if (!Object.hasOwn(benches, name)) {
    const near = nearestName(name, Object.keys(benches));
    const hint = near === undefined ? `known are ${Object.keys(benches).join(", ")}` : `did you mean "${near}"?`;
    throw new TaperError("ERR_OPTION", `bench has no "${name}"; ${hint}`);
  }
  const run = await benches[name].load();
  return run(rest, io);
}
