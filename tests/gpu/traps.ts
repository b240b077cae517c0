/**
 * What gpu.js does wrong or otherwise than one would think, each once seen, and the cases that would notice if it came back. A trap that
 * a mode cannot have names no case there. tests/gpu/child.ts holds that every case named here ran.
 */
interface Trap {
  readonly trap: string;
  /** Beginnings of the cases' names. */
  readonly cases: readonly string[];
  /** WebGL2's only. */
  readonly webGl?: true;
}

export const traps: readonly Trap[] = [
  { trap: "the default tactic declares lowp, 16 bits on phones", cases: ["every shader computes in 32 bits"] },
  { trap: "a loop bounded by an argument stops silently at 1000", cases: ["a loop longer than 1000"] },
  { trap: "a smaller input than the first gives wrong values", cases: ["shapes that shrink and grow"] },
  { trap: "gpu.js's own CPU mode is wrong for inputs of changing size", cases: ["gpu.js never computes on the CPU"] },
  {
    trap: "where a kernel cannot run, gpu.js runs it on the CPU or in WebAssembly, and says nothing",
    cases: ["where gpu.js would take the CPU"],
    webGl: true,
  },
  { trap: "tanh of large values is NaN", cases: ["GELU within 1e-6 and tanh within 3e-7"] },
  { trap: "a side longer than a texture's throws", cases: ["an output wider than a texture", "an input wider"] },
  { trap: "textures that nobody deletes stay", cases: ["memory: none is lost", "memory: a thousand", "memory: 50"] },
  { trap: "a lost context reads as zeros", cases: ["a lost context is an error"] },
  { trap: "a driver that answers zeros reports no error", cases: ["a driver that answers zeros"], webGl: true },
  { trap: "the 17th context of a page takes the first one away", cases: ["memory: 50"] },
  { trap: "arrays as arguments are uploaded at every call", cases: ["weights are uploaded once"] },
  // The page of the browsers' modes is minified: any case would notice a kernel that is a function.
  { trap: "kernels as functions break under minifiers", cases: ["every combination of bias"] },
];
