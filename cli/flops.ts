/** `taperbert flops`: what a model or a shape costs for one text, by layer and part. No weights are read. */
import { type Cost, gflops, modelCost, parts } from "../bench/flops.ts";
import { TaperError } from "../engine/errors.ts";
import { commonFlags, type Flags, numberOf, parseFlags, printHelp } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { describe, shapeFlags } from "./shape-flags.ts";
import { digits, table } from "./table.ts";

const flags = {
  ...shapeFlags,
  tokens: { type: "string", value: "N", help: "tokens of the text, special tokens included; default 128" },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert flops --shape base --tokens 128",
  "taperbert flops --shape 12,128,2,512 --predictor-width 16 --exit-heads --tokens 25",
  "taperbert flops --model DIR --tokens 128 --json",
];

const about = `Products of one text with nothing skimmed and no exit; 1 MAC = 2 FLOPs. "encoder" is the dense model's layers;
"overhead" is skim predictors and exit heads; "head" is the model's own (pooler and classifier). Embeddings have no products.`;

export async function flops(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("flops", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const { name, directory, config, taper } = await describe("flops", values);
  const tokens = numberOf(values.tokens, "tokens", { least: 1, whole: true }) ?? 128;
  if (directory !== undefined && tokens > config.maxPositions) {
    throw new TaperError(
      "ERR_OPTION",
      `--tokens: ${name} reads at most ${config.maxPositions} tokens; found ${tokens}.`,
    );
  }
  const costs = modelCost(config, tokens, taper);
  if (values.json) {
    const { layers, d, h, f } = config;
    const predictorWidth = taper.skim?.predictorWidth ?? 0;
    printJson(io, { model: name, shape: { layers, d, h, f }, predictorWidth, ...costs });
    return 0;
  }
  const cell = ({ macs }: Cost): string => digits(gflops(macs));
  const used = parts.filter((part) => costs.layers.some((layer) => layer.parts[part].macs > 0));
  io.out(`${name}, ${tokens} tokens, GFLOPs`);
  const rows = costs.layers.map((layer) => [
    `layer ${layer.layer}`,
    ...used.map((part) => cell(layer.parts[part])),
    cell(layer),
  ]);
  for (const line of table([["", ...used, "all"], ...rows])) io.out(line);
  const totals = (["embeddings", "encoder", "overhead", "head", "total"] as const).map((part) => {
    const { macs } = costs[part];
    return [part, `${digits(macs / 1e9)} GMAC`, `${digits(gflops(macs))} GFLOPs`];
  });
  io.out("");
  for (const line of table(totals)) io.out(line);
  return 0;
}
