/**
 * What a report of milliseconds must say of where and on what it was taken, so that somebody else can take it again: machine, engine,
 * kernels, threads, model, source, and how busy the machine was before and after. Node only.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync, realpathSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import type { Dtype } from "../bert/dtype.ts";
import { type Environment, environment } from "./environment.ts";
import type { TimingLoop } from "./timing-loop.ts";

export interface Fingerprint extends Omit<Environment, "load"> {
  readonly backend: string;
  /** Which build of the kernels: plain, relaxed or wide. */
  readonly variant: string;
  /** In what the encoder computes. */
  readonly dtype: Dtype;
  readonly threads: { readonly count: number; readonly why: string };
  readonly weights: "trained" | "random";
  /** SHA-256 of model.safetensors, first 16 hex digits; absent for random weights. */
  readonly modelHash?: string;
  /** Of this package's repository, with "+" if files had changed; absent outside one. */
  readonly commit?: string;
  /** Load average over one minute. */
  readonly load: { readonly before: number; readonly after: number };
  readonly timingLoop: TimingLoop;
}

export interface FingerprintInput {
  readonly backend: { readonly name: string; readonly variant: string };
  readonly dtype: Dtype;
  readonly threads: Fingerprint["threads"];
  /** The model's directory; undefined for random weights. */
  readonly directory: string | undefined;
  /** Where this package's package.json lies. */
  readonly packageRoot: string;
  /** `loadNow()` before anything ran. */
  readonly loadBefore: number;
  readonly timingLoop: TimingLoop;
}

/** The load average as it is now. */
export const loadNow = (): number => Math.round(100 * loadavg()[0]) / 100;

export async function fingerprint(input: FingerprintInput): Promise<Fingerprint> {
  const { load: after = loadNow(), ...machine } = await environment();
  const modelHash =
    input.directory === undefined ? undefined : await hashOf(join(input.directory, "model.safetensors"));
  const commit = await commitOf(input.packageRoot);
  return {
    ...machine,
    backend: input.backend.name,
    variant: input.backend.variant,
    dtype: input.dtype,
    threads: input.threads,
    weights: input.directory === undefined ? "random" : "trained",
    ...(modelHash !== undefined && { modelHash }),
    ...(commit !== undefined && { commit }),
    load: { before: input.loadBefore, after },
    timingLoop: input.timingLoop,
  };
}

async function hashOf(file: string): Promise<string | undefined> {
  if (!existsSync(file)) return undefined;
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex").slice(0, 16);
}

/** Only of a repository whose root this package is: installed packages lie in somebody else's. */
async function commitOf(root: string): Promise<string | undefined> {
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)("git", ["-C", root, ...args])).stdout.trim();
  try {
    if (realpathSync(await git("rev-parse", "--show-toplevel")) !== realpathSync(root)) return undefined;
    const commit = await git("rev-parse", "--short=12", "HEAD");
    return (await git("status", "--porcelain", "--untracked-files=no")) === "" ? commit : `${commit}+`;
  } catch {
    // No git, or no repository.
    return undefined;
  }
}

/** Lines for people. */
export function describeFingerprint(of: Fingerprint): string[] {
  const {
    cpu,
    cores,
    platform,
    node,
    v8,
    backend,
    variant,
    dtype,
    threads,
    weights,
    modelHash,
    commit,
    load,
    timingLoop,
  } = of;
  const busy = timingLoop.spread > 0.05 || Math.max(load.before, load.after) > cores / 2;
  return [
    `${cpu}, ${cores} cores; ${platform}; Node ${node} (V8 ${v8})`,
    `${backend} (${variant}), ${dtype}, ${threads.count} thread${threads.count === 1 ? "" : "s"}: ${threads.why}`,
    `weights ${weights}${modelHash === undefined ? "" : `, sha256 ${modelHash}…`}; ${commit === undefined ? "no commit" : `commit ${commit}`}`,
    `load ${load.before} before, ${load.after} after; timing loop ${timingLoop.ms.toFixed(3)} ms, p90 ${(100 * timingLoop.spread).toFixed(1)} % above${busy ? " (a busy machine: distrust small differences)" : ""}`,
  ];
}
