/** Embedding sums on a GPU, added in the contract's order. */
import type { GpuDevice, GpuSource } from "../backends/gpu-device.ts";
import type { GpuHandle } from "../backends/gpu-handle.ts";
import type { EmbedArgs } from "./contract.ts";

const source: GpuSource = {
  name: "embed",
  arguments: ["numbers", "numbers", "numbers", "numbers", "numbers", "numbers"],
  source: `function(word, position, segment, ids, positions, segments) {
    const w = ids[0][this.thread.y];
    const p = positions[0][this.thread.y];
    const s = segments[0][this.thread.y];
    return word[w][this.thread.x] + position[p][this.thread.x] + segment[s][this.thread.x];
  }`,
};

export function embed(device: GpuDevice): (args: EmbedArgs<GpuHandle>) => void {
  return ({ out, word, position, segment, ids, positions, segments, n, d, vocabulary, maxPositions, types }) => {
    if (n * d === 0) return;
    const tables = [word.matrix(vocabulary, d), position.matrix(maxPositions, d), segment.matrix(types, d)];
    const indices = [ids, positions, segments].map((handle) => handle.matrix(1, n));
    out.replace(device.launch(source, [d, n], [...tables, ...indices]));
  };
}
