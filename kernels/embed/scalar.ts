/** Embedding sums by plain loops, rounded to float32 after each addition as every form does. */
import type { ScalarHandle } from "../scalar-handle.ts";
import type { EmbedArgs } from "./contract.ts";

export function embed(args: EmbedArgs<ScalarHandle>): void {
  const { n, d } = args;
  const [out, word, position, segment] = [args.out.data, args.word.data, args.position.data, args.segment.data];
  const [ids, positions, segments] = [args.ids.data, args.positions.data, args.segments.data];
  for (let i = 0; i < n; i++) {
    const [w, p, s] = [ids[i] * d, positions[i] * d, segments[i] * d];
    for (let j = 0; j < d; j++) out[i * d + j] = Math.fround(word[w + j] + position[p + j]) + segment[s + j];
  }
}
