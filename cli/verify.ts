/** `taperbert verify`: does a model compute here what it computed where it was recorded? With --record: keeps what it computes. */
import { compareGolden, goldenFile, parseGolden, recordGolden } from "../bert/golden.ts";
import { TaperError } from "../engine/errors.ts";
import { writeFileAtomically } from "../engine/files.ts";
import { modelFiles, readJsonFile } from "../engine/model-files.ts";
import { commonFlags, type Flags, parseFlags, printHelp } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { modelFlags, withModel } from "./model-flags.ts";
import { digits } from "./table.ts";

const flags = {
  ...modelFlags,
  record: { type: "boolean", help: `write ${goldenFile} into the model's directory` },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert verify --model DIR --record",
  "taperbert verify --model DIR --dtype int8",
  "taperbert quantize --model DIR --out DIR-int8 && taperbert verify --model DIR-int8",
];

const about = `Runs the texts of ${goldenFile} densely and compares with the values recorded there. Differences are in units of the recorded values'
standard deviation. Exit code 1 if they are too large for float32 (0.001) or 8 bits (0.2), or if a text is tokenised otherwise.`;

export async function verify(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("verify", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  return withModel("verify", values, async (model, directory) => {
    const path = `${directory}/${goldenFile}`;
    if (values.record) {
      const golden = await recordGolden(model);
      await writeFileAtomically(path, `${JSON.stringify(golden)}\n`);
      if (values.json) printJson(io, { path, cases: golden.cases.length });
      else io.out(`${path}: ${golden.cases.length} texts recorded`);
      return 0;
    }
    const json = await readJsonFile(await modelFiles(directory), goldenFile, { optional: true });
    if (json === undefined) {
      const remedy =
        model.dtype === "int8"
          ? "record it (--record) with the float32 model that this one was made from, and quantise that again"
          : "record it where the model is known to be right: --record";
      throw new TaperError("ERR_FILE", `${path} is not there; ${remedy}.`);
    }
    const { name, variant } = model.backend;
    const found = await compareGolden(model, parseGolden(json, path));
    if (values.json) printJson(io, { backend: name, variant, dtype: model.dtype, ...found });
    else {
      const { passed, typical, largest, limit, flips, rows, tokenisedOtherwise, cases } = found;
      io.out(`${passed ? "verified" : "REFUSED"}  ${name} (${variant}), ${model.dtype}: ${cases} texts`);
      io.out(`  differences  ${digits(typical)} typically (at most ${limit} allowed), ${digits(largest)} at most`);
      io.out(`  labels       ${flips} of ${rows} are others`);
      if (tokenisedOtherwise > 0) io.out(`  tokens       ${tokenisedOtherwise} of ${cases} texts have others`);
    }
    return found.passed ? 0 : 1;
  });
}
