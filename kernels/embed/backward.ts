/** The backward rule of embed: the same gradient goes to a row of each of the three tables. */
import type { Backward } from "../backward.ts";

export const embedBackward: Backward<"embed"> = (chain, args) => {
  const { out, n, d } = args;
  const dOut = chain.of(out);
  const tables = [
    [args.word, args.ids, args.vocabulary],
    [args.position, args.positions, args.maxPositions],
    [args.segment, args.segments, args.types],
  ] as const;
  for (const [table, index, rows] of tables) {
    if (!chain.wanted(table)) continue;
    chain.op("gatherGradient", { dTable: chain.into(table), dOut, index: chain.value(index), n, d, rows });
  }
};
