/**
 * How packed weights [k, m] lie in memory: blocks of k, in each block the panels of all columns, in each panel the rows of k. A product of few
 * rows reads a block from end to end, while the part of A that meets it stays in the first cache.
 * Only numbers: nothing is packed or computed here.
 */
import { roundUp } from "./machine.ts";

/** So much of k is one block, for which the rest of what a product touches is small anyway. */
const wholeDepth = 512;
/** Steps of k in a block, where k has more: eighteen rows of A are then 14 KiB. */
const partDepth = 192;
/** Tiles take as many steps at a time. */
const unit = 8;

export interface PackedLayout {
  /** Steps of k in a block; the last may be cut, and takes the room of a whole one all the same. */
  readonly depth: number;
  readonly blocks: number;
  /** Bytes from panel to panel of a block. */
  readonly panelBytes: number;
  /** Bytes from block to block. */
  readonly blockBytes: number;
  /** Values that the matrix takes. */
  readonly length: number;
}

/** The layout of [k, m] in panels of `width` columns. */
export function packedLayout(k: number, m: number, width: number): PackedLayout {
  const columns = roundUp(m, width);
  const depth = k <= wholeDepth ? k : roundUp(Math.ceil(k / Math.ceil(k / partDepth)), unit);
  const blocks = k <= wholeDepth ? 1 : Math.ceil(k / depth);
  return {
    depth,
    blocks,
    panelBytes: 4 * width * depth,
    blockBytes: 4 * columns * depth,
    length: columns * depth * blocks,
  };
}
