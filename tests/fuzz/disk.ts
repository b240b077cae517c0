/**
 * A damaged model as a directory: among its files links that lead out of it, beside it what they lead to, and a watch over every file
 * that is opened meanwhile.
 */
import callbacks from "node:fs";
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { FileBytes } from "../../engine/model-files.ts";
import type { Random } from "../../engine/random.ts";
import { pick } from "./mutate-json.ts";

export interface Planted {
  readonly directory: string;
  /** Removes all of it. */
  remove(): void;
}

const { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } = callbacks;

/** Writes a directory; one time of three, one of its files is a link: to its like outside, to nowhere, to itself, or to a device. */
export function plant(files: FileBytes, random: Random): Planted {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "taper-fuzz-")));
  const [directory, outside] = [join(root, "model"), join(root, "outside")];
  const write = (into: string, name: string, bytes: Uint8Array): void => {
    mkdirSync(dirname(join(into, name)), { recursive: true });
    writeFileSync(join(into, name), bytes);
  };
  mkdirSync(directory);
  mkdirSync(outside);
  const linked = random.integer(3) === 0 ? pick(random, Object.keys(files)) : undefined;
  for (const [name, bytes] of Object.entries(files)) {
    if (name !== linked) {
      write(directory, name, bytes);
      continue;
    }
    write(outside, name, bytes);
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    const targets = [join(outside, name), join(root, "nowhere"), join(directory, name), "/dev/zero", outside];
    symlinkSync(pick(random, targets), join(directory, name));
  }
  // Whatever the names of mutate-json.ts lead to is there, and well formed.
  const shard = Object.keys(files).find((name) => name.endsWith(".safetensors"));
  if (shard !== undefined) write(outside, "shard.safetensors", files[shard]);
  write(outside, "config.json", new TextEncoder().encode('{"pooling_mode_cls_token":true}'));
  symlinkSync(join(outside, "shard.safetensors"), join(directory, "link.safetensors"));
  symlinkSync(join(directory, "loop.safetensors"), join(directory, "loop.safetensors"));
  symlinkSync(outside, join(directory, "linked"));
  return { directory, remove: () => rmSync(root, { recursive: true }) };
}

type Open = (path: unknown, ...others: unknown[]) => unknown;
const watched: [module: object, names: readonly string[]][] = [
  [promises, ["open", "readFile", "readdir"]],
  [callbacks, ["open", "openSync", "readFile", "readFileSync", "createReadStream", "readdir", "readdirSync"]],
];

/** Runs `work` and gives the real paths of the files that anybody in this thread opened meanwhile. */
export async function openedDuring(work: () => Promise<void>): Promise<string[]> {
  const opened: string[] = [];
  const restore: (() => void)[] = [];
  for (const [module, names] of watched) {
    const members = module as Record<string, Open>;
    for (const name of names) {
      const real = members[name];
      restore.push(() => {
        members[name] = real;
      });
      members[name] = (path, ...others) => {
        if (typeof path === "string") opened.push(realOr(path));
        return real(path, ...others);
      };
    }
  }
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    for (const put of restore) put();
    syncBuiltinESMExports();
  }
  return opened;
}

function realOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
