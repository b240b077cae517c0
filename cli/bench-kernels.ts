/** `taperbert bench kernels`: every kernel's rates as fractions of the machine's measured peaks, builds interleaved. */
import { describeEnvironment, environment } from "../bench/environment.ts";
import { type KernelCase, kernelCases } from "../bench/kernel-cases.ts";
import { operandsOn, type Temperature } from "../bench/kernel-operands.ts";
import { benchKernel, type Contender, type KernelRow } from "../bench/kernels.ts";
import { type MeasuredPeaks, measurePeaks, type Peaks } from "../bench/peaks.ts";
import { compilesFor, refusal, variants } from "../bench/variants.ts";
import { nearestName, TaperError } from "../engine/errors.ts";
import type { Variant } from "../kernels/assembler/variant.ts";
import { wasmBackend } from "../kernels/backends/wasm.ts";
import { inferenceContracts } from "../kernels/index.ts";
import { commonFlags, type Flags, numberOf, parseFlags, printHelp, type Values } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { digits, table } from "./table.ts";

const flags = {
  only: { type: "string", value: "K,K,…", help: "these kernels; default all" },
  rows: { type: "string", value: "N,N,…", help: "these numbers of rows; default all" },
  shape: { type: "string", value: "TEXT", help: "only shapes whose name contains TEXT, like 768x3072" },
  variants: { type: "string", value: "V,V,…", help: "of plain, relaxed and wide (Node 24 on x64); default all" },
  cold: { type: "boolean", help: "also with weights that come from memory, rotated through more than any cache" },
  runs: { type: "string", value: "R", help: "rounds a case; default 15" },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert bench kernels",
  "taperbert bench kernels --only matmul --rows 1,8,128 --variants relaxed,wide --cold",
  "taperbert bench kernels --only attention,softmax --json",
];

const about = `One thread. Peaks are measured first, by loops that only multiply and add in registers, or only read memory: "of issue" and "of read"
are shares of them. Builds run in turn, A B A B; times are medians. "drift" is how much slower than at its best the machine was meanwhile, by
a loop of fixed length timed in every round; rates are corrected by it.`;

export async function benchKernels(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("bench kernels", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const runs = numberOf(values.runs, "runs", { least: 1, whole: true });
  const cases = casesFor(values);
  const wanted = chosen(values.variants, "variants", variants) as readonly Variant[];
  const refused = wanted.map((variant) => ({ by: variant, why: refusal(variant) })).filter(({ why }) => why);
  const running = wanted.filter((variant) => refused.every(({ by }) => by !== variant));
  const peaks: MeasuredPeaks[] = [];
  for (const variant of running) {
    io.progress(`peaks of ${variant}`);
    peaks.push(await measurePeaks(variant));
  }
  const contenders = peaks.map(contender);
  const temperatures: readonly Temperature[] = values.cold ? ["hot", "cold"] : ["hot"];
  const rows: KernelRow[] = [];
  for (const temperature of temperatures) {
    for (const one of cases) {
      // Without weights there is nothing to be cold.
      if (temperature === "cold" && one.kernel !== "matmul") continue;
      io.progress(`${one.kernel} ${one.shape}, ${temperature}`);
      const options = { yardstick: peaks[peaks.length - 1].yardstick, ...(runs !== undefined && { runs }) };
      rows.push(...(await benchKernel(one, temperature, contenders, options)));
    }
  }
  io.progress("");
  const where = await environment();
  if (values.json) {
    printJson(io, { threads: 1, peaks: peaks.map(withoutYardstick), rows, refused, environment: where });
    return 0;
  }
  for (const line of inWords(peaks, rows)) io.out(line);
  for (const { by, why } of refused) io.out(`${by}: cannot run here: ${why}`);
  io.err(describeEnvironment(where));
  return 0;
}

function contender(peaks: MeasuredPeaks): Contender {
  const { variant } = peaks;
  compilesFor(variant);
  const ready = operandsOn(wasmBackend({ variant }));
  return { name: variant, variant, peaks, ready: async (one, temperature) => ready(one, temperature) };
}

function casesFor(values: Values<typeof flags>): readonly KernelCase[] {
  const names = inferenceContracts.map(({ name }) => name);
  const only = chosen(values.only, "only", names);
  const known = [...new Set(kernelCases.map(({ rows }) => String(rows)))];
  const rows = chosen(values.rows, "rows", known).map(Number);
  const part = values.shape?.replace(/[x×\s]+/g, " × ") ?? "";
  const cases = kernelCases.filter(
    (one) => only.includes(one.kernel) && rows.includes(one.rows) && one.shape.includes(part),
  );
  if (cases.length > 0) return cases;
  throw new TaperError(
    "ERR_OPTION",
    "bench kernels: no case is left by --only, --rows and --shape; widen one of them.",
  );
}

/** What a list of names picks; all of them without a list. Throws ERR_OPTION for a name that is not known. */
function chosen(text: string | undefined, flag: string, known: readonly string[]): readonly string[] {
  if (text === undefined) return known;
  const names = text.split(",");
  const stranger = names.find((name) => !known.includes(name));
  if (stranger === undefined) return names;
  const near = nearestName(stranger, known);
  const hint = near === undefined ? `known are ${known.join(", ")}` : `did you mean "${near}"?`;
  throw new TaperError("ERR_OPTION", `--${flag} has no "${stranger}"; ${hint}.`);
}

function withoutYardstick({ variant, flopsPerSecond, int8OpsPerSecond, reads }: Peaks): Peaks {
  return { variant, flopsPerSecond, ...(int8OpsPerSecond !== undefined && { int8OpsPerSecond }), reads };
}

function inWords(peaks: readonly Peaks[], rows: readonly KernelRow[]): string[] {
  const giga = (value: number | undefined) => (value === undefined ? "" : digits(value / 1e9));
  const optional = (value: number | undefined, form: (value: number) => string) =>
    value === undefined ? "" : form(value);
  const sizes = peaks[0]?.reads.map(({ bufferBytes }) => `read ${bufferBytes / 2 ** 20} MiB`) ?? [];
  const heading = ["kernel", "shape", "weights", "by", "µs", "GFLOP/s", "GB/s", "ns/value"];
  return [
    ...table([
      ["peaks", "GFLOP/s", "int8 GOP/s", ...sizes.map((size) => `${size}, GB/s`)],
      ...peaks.map(({ variant, flopsPerSecond, int8OpsPerSecond, reads }) => [
        variant,
        giga(flopsPerSecond),
        giga(int8OpsPerSecond),
        ...reads.map(({ bytesPerSecond }) => giga(bytesPerSecond)),
      ]),
    ]),
    "",
    ...table([
      [...heading, "of issue", "of read", "drift"],
      ...rows.map((row) => [
        row.kernel,
        row.shape,
        row.weights ?? "",
        row.by,
        digits(row.microseconds),
        optional(row.gflopsPerSecond, digits),
        digits(row.gbytesPerSecond),
        optional(row.nsPerElement, digits),
        optional(row.ofIssuePeak, (share) => share.toFixed(2)),
        optional(row.ofReadPeak, (share) => share.toFixed(2)),
        row.drift.toFixed(2),
      ]),
    ]),
  ];
}
