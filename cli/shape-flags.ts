/** `--model DIR` or `--shape …`: commands that need to know what a model looks like, but not always its weights. */
import { type BertConfig, type BertShape, configOfShape, namedShapes } from "../bert/config.ts";
import { readConfigs } from "../bert/load.ts";
import type { TaperConfig } from "../bert/taper-config.ts";
import { nearestName, TaperError } from "../engine/errors.ts";
import { type Flags, numberOf, type Values } from "./flags.ts";

export const shapeFlags = {
  model: { type: "string", value: "DIR", help: "model directory" },
  shape: {
    type: "string",
    value: "SHAPE",
    help: "instead of a model: base, mini, tiny, or layers,hidden,heads,feed-forward",
  },
  "predictor-width": { type: "string", value: "W", help: "with --shape: skim predictors of this width" },
  "exit-heads": { type: "boolean", help: "with --shape: an exit head after every layer but the last" },
} as const satisfies Flags;

export interface Described {
  /** The directory or the shape, as it was given. */
  readonly name: string;
  /** Absent for a shape. */
  readonly directory?: string;
  readonly config: BertConfig;
  readonly taper: TaperConfig;
}

/** Throws ERR_OPTION unless there is exactly one of --model and --shape, and whatever reading a directory throws. */
export async function describe(command: string, values: Values<typeof shapeFlags>): Promise<Described> {
  const { model: directory, shape } = values;
  const width = numberOf(values["predictor-width"], "predictor-width", { least: 1, whole: true });
  if ((directory === undefined) === (shape === undefined)) {
    throw new TaperError("ERR_OPTION", `${command} needs either --model or --shape; see taperbert ${command} --help.`);
  }
  if (directory !== undefined) {
    if (width !== undefined || values["exit-heads"]) {
      throw new TaperError(
        "ERR_OPTION",
        `--predictor-width and --exit-heads go with --shape; a model has its own parts.`,
      );
    }
    return { name: directory, directory, ...(await readConfigs(directory)) };
  }
  const taper: TaperConfig = {
    ...(width !== undefined && { skim: { predictorWidth: width } }),
    ...(values["exit-heads"] && { exit: { heads: true } }),
  };
  return { name: shape!, config: configOfShape(parseShape(shape!)), taper };
}

/** Reads "base" or "12,768,12,3072". Throws ERR_OPTION. */
export function parseShape(text: string): BertShape {
  if (Object.hasOwn(namedShapes, text)) return namedShapes[text];
  const sizes = text.split(",").map(Number);
  const fits = sizes.length === 4 && sizes.every((size) => Number.isSafeInteger(size) && size >= 1 && size <= 1e6);
  const [layers, d, h, f] = sizes;
  if (fits && d % h === 0) return { layers, d, h, f };
  const near = nearestName(text, Object.keys(namedShapes));
  const hint = fits
    ? `hidden ${d} is not divisible by heads ${h}`
    : near !== undefined
      ? `did you mean "${near}"?`
      : "four whole numbers, or a name";
  throw new TaperError(
    "ERR_OPTION",
    `--shape: expected ${Object.keys(namedShapes).join(", ")} or layers,hidden,heads,feed-forward; found "${text}": ${hint}.`,
  );
}
