/**
 * What `npm install` puts on a disk: our packed tarball and transformers.js, each into an empty project. Install scripts are off, as that of
 * onnxruntime-node would fetch CUDA's libraries as well. It needs the npm registry.
 */
import { spawnSync } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TaperError } from "../../engine/errors.ts";
import { locate, repository } from "../peers/locate.ts";
import { textPeerName } from "../peers/transformers.ts";

export interface Installed {
  readonly name: string;
  /** Sum of the files' sizes, and how many packages they are; absent if it could not be installed. */
  readonly bytes?: number;
  readonly packages?: number;
  readonly absent?: string;
}

/** Both, or why not. */
export function installSizes(progress: (line: string) => void): Installed[] {
  const peer = locate(textPeerName);
  const root = repository();
  const ours = (): Installed => {
    if (root === undefined) return { name: "taperbert", absent: "not in a checkout of the repository" };
    return inEmptyProject("taperbert", (directory) => packed(root, directory));
  };
  const theirs = (): Installed =>
    "absent" in peer
      ? { name: textPeerName, absent: peer.absent }
      : inEmptyProject(`${textPeerName} ${peer.version}`, () => `${textPeerName}@${peer.version}`);
  return [ours, theirs].map((install) => {
    progress("npm install");
    return install();
  });
}

/** Our tarball, of what is built. */
function packed(root: string, directory: string): string {
  const listed = npm(root, ["pack", "--json", "--ignore-scripts", "--pack-destination", directory]);
  const [{ filename }] = JSON.parse(listed) as [{ filename: string }];
  return join(directory, filename);
}

function inEmptyProject(name: string, specifier: (directory: string) => string): Installed {
  const directory = mkdtempSync(join(tmpdir(), "taperbert-install-"));
  try {
    writeFileSync(join(directory, "package.json"), "{}");
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
    npm(directory, ["install", specifier(directory), ...flags]);
    const modules = join(directory, "node_modules");
    const lock = JSON.parse(readFileSync(join(modules, ".package-lock.json"), "utf8")) as { packages: object };
    return { name, bytes: bytesIn(modules), packages: Object.keys(lock.packages).length };
  } catch (error) {
    if (!(error instanceof TaperError)) throw error;
    return { name, absent: error.message };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function npm(cwd: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("npm", args, { cwd, encoding: "utf8" });
  if (status === 0) return stdout;
  throw new TaperError("ERR_FILE", `npm ${args[0]} failed: ${(stderr ?? "npm did not start").trim().split("\n")[0]}`);
}

function bytesIn(path: string): number {
  const entry = lstatSync(path);
  if (!entry.isDirectory()) return entry.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
}
