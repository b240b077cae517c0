/** The ragged batch that the benches run: 16 texts of 8 to 128 tokens, and what padding it costs. */
import type { BertConfig } from "../bert/config.ts";
import { denseEncoderMacs, taskHeadMacs } from "../bert/macs.ts";
import { sum } from "./statistics.ts";

/** Tokens of each text, special ones included: mostly short, as texts are, and two long ones that padding follows. */
export const raggedLengths: readonly number[] = [8, 10, 12, 14, 17, 20, 24, 28, 33, 39, 46, 54, 64, 80, 102, 128];

/** Multiply–accumulates of the batch padded to its longest text ÷ those of the texts on their real lengths; at least 1. */
export function paddedToReal(config: BertConfig, lengths: readonly number[]): number {
  const macs = (tokens: number): number => denseEncoderMacs(config, tokens) + taskHeadMacs(config, tokens);
  return (lengths.length * macs(Math.max(...lengths))) / sum(lengths.map(macs));
}
