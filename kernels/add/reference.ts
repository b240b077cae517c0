/** add and accumulate in float64. */
import ops from "ndarray-ops";
import { nd, type ReferenceHandle, zeros } from "../nd.ts";
import type { AccumulateArgs, AddArgs } from "./contract.ts";

export function add({ out, a, b, length }: AddArgs<ReferenceHandle>): void {
  ops.add(nd(out, length), nd(a, length), nd(b, length));
}

export function accumulate({ out, x, scale, length }: AccumulateArgs<ReferenceHandle>): void {
  ops.addeq(nd(out, length), ops.muls(zeros(length), nd(x, length), scale));
}
