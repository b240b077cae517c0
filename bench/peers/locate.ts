/**
 * Finds the packages of the peers: in bench/peers/node_modules of the checkout that this code runs from, be it TypeScript sources or
 * dist/. Nowhere else: an onnxruntime that happens to be installed somewhere is not the one that was compared with.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const install = "npm --prefix bench/peers ci";

export interface Located {
  readonly version: string;
  /** Loads the package, or a file of it, by Node's rules for `require` or for `import`. */
  require(specifier: string): unknown;
  import(file: string): Promise<unknown>;
  /** The path of a file of the package. */
  path(file: string): string;
}

/** A package of bench/peers, or why there is none. */
export function locate(name: string): Located | { absent: string } {
  const root = repository();
  if (root === undefined) return { absent: `not in a checkout of the repository: clone it, then ${install}` };
  const home = join(root, "bench", "peers");
  const directory = join(home, "node_modules", name);
  const manifest = join(directory, "package.json");
  if (!existsSync(manifest)) return { absent: `not installed: ${install}` };
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  const path = (file: string): string => join(directory, file);
  return {
    version,
    require: createRequire(join(home, "package.json")),
    import: (file) => import(pathToFileURL(path(file)).href),
    path,
  };
}

/** The checkout that this code runs from; undefined in an installed package, which has no benches of peers. */
export function repository(from: string = dirname(fileURLToPath(import.meta.url))): string | undefined {
  // Upwards from wherever this code lies: bench/peers/, dist/ or dist/chunks/.
  if (existsSync(join(from, "bench", "peers", "package.json"))) return from;
  const parent = dirname(from);
  return parent === from ? undefined : repository(parent);
}
