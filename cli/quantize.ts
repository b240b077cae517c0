/** `taperbert quantize`: a model directory into one whose encoder is stored, and computes, in 8 bits. */
import { quantiseModel } from "../bert/quantise-model.ts";
import { commonFlags, type Flags, parseFlags, printHelp, required } from "./flags.ts";
import { type Io, printJson } from "./io.ts";

const flags = {
  model: { type: "string", value: "DIR", help: "model directory, in floats" },
  out: { type: "string", value: "DIR", help: "where the 8-bit one goes" },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert quantize --model DIR --out DIR-int8",
  "taperbert eval --model DIR-int8 --no-skim --no-exit --data dev.tsv --against DIR",
];

const about = `The encoder's linear layers become 8-bit integers with a scale for each output; embedding tables become F16; heads, skim predictors
and dials stay as they are. It computes as the same model does with --dtype int8, and loads faster.`;

export async function quantize(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("quantize", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const out = required(values.out, "quantize", "out");
  const sizes = await quantiseModel(required(values.model, "quantize", "model"), out);
  if (values.json) printJson(io, { directory: out, ...sizes });
  else {
    const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
    io.out(
      `${out}: ${sizes.tensors} tensors in 8 bits, ${mebibytes(sizes.before)} MiB → ${mebibytes(sizes.after)} MiB`,
    );
  }
  return 0;
}
