/** Embedding sums in float64. */
import ops from "ndarray-ops";
import { nd, type ReferenceHandle } from "../nd.ts";
import type { EmbedArgs } from "./contract.ts";

export function embed(args: EmbedArgs<ReferenceHandle>): void {
  const { n, d } = args;
  const [word, position, segment] = [
    nd(args.word, args.vocabulary, d),
    nd(args.position, args.maxPositions, d),
    nd(args.segment, args.types, d),
  ];
  const [ids, positions, segments] = [nd(args.ids, n), nd(args.positions, n), nd(args.segments, n)];
  for (let i = 0; i < n; i++) {
    const row = nd(args.out, n, d).pick(i, null);
    ops.add(row, word.pick(ids.get(i), null), position.pick(positions.get(i), null));
    ops.addeq(row, segment.pick(segments.get(i), null));
  }
}
