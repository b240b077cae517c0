/**
 * Where a measurement was taken: every report of milliseconds carries this. In a browser it says what a browser tells.
 */

export interface Environment {
  /** "linux x64", or a browser's user agent. */
  readonly platform: string;
  readonly cpu: string;
  /** Logical cores. */
  readonly cores: number;
  /** Versions, where there is a Node. */
  readonly node?: string;
  readonly v8?: string;
  /** Running processes, averaged over the last minute; a busy machine measures badly. Unknown in browsers. */
  readonly load?: number;
}

export async function environment(): Promise<Environment> {
  if (typeof process === "undefined" || process.versions?.node === undefined) {
    return { platform: navigator.userAgent, cpu: "unknown", cores: navigator.hardwareConcurrency ?? 1 };
  }
  const os = await import("node:os");
  const cpus = os.cpus();
  return {
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus[0]?.model.trim() || "unknown",
    cores: cpus.length || os.availableParallelism(),
    node: process.versions.node,
    v8: process.versions.v8,
    load: Math.round(100 * os.loadavg()[0]) / 100,
  };
}

/** One line for people. */
export function describeEnvironment({ platform, cpu, cores, node, v8, load }: Environment): string {
  const parts = [`${cpu}, ${cores} cores`, platform];
  if (node !== undefined) parts.push(`Node ${node} (V8 ${v8})`);
  if (load !== undefined) parts.push(`load ${load}`);
  return parts.join("; ");
}
