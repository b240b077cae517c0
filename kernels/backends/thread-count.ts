/** How many threads may share an operation here, and why no more. It asks the machine; it starts nothing. */

export interface ThreadCount {
  readonly count: number;
  /** In words, for people. */
  readonly why: string;
}

/** At most `wanted`, at most one a core, and one where memory cannot be shared. */
export function threadCount(wanted: number): ThreadCount {
  if (wanted === 1) return { count: 1, why: "one, unless more are asked for" };
  // Browsers have shared memory on such pages only.
  if (globalThis.crossOriginIsolated === false) {
    const remedy =
      "serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";
    return {
      count: 1,
      why: `this page is not cross-origin isolated, so that its workers cannot share memory; ${remedy}`,
    };
  }
  if (typeof SharedArrayBuffer === "undefined") return { count: 1, why: "this engine has no shared memory" };
  const cores = coreCount();
  if (wanted > cores) return { count: cores, why: `${wanted} asked for; this machine has ${cores} cores for them` };
  return { count: wanted, why: "asked for" };
}

function coreCount(): number {
  const os = globalThis.process?.getBuiltinModule?.("node:os");
  return os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}
