/**
 * The most memory that this process has had. On Linux not by `process.resourceUsage().maxRSS`: a process inherits that from the one that
 * started it, so a small child of a large parent would look large. Node only.
 */
import { readFileSync } from "node:fs";

/** Bytes, the engine's own included. */
export function peakMemory(): number {
  const kibibytes = process.platform === "linux" ? highWaterMark() : undefined;
  return 1024 * (kibibytes ?? process.resourceUsage().maxRSS);
}

/** Source: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html */
function highWaterMark(): number | undefined {
  const line = readFileSync("/proc/self/status", "utf8").match(/^VmHWM:\s+(\d+) kB$/m);
  return line === null ? undefined : Number(line[1]);
}
