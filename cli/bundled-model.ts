/** Where the model that comes with a checkout lies, and which version this is. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { TaperError } from "../engine/errors.ts";

const name = "models/sst2-12x128";

/** The directory of the bundled model. Throws ERR_FILE if this copy of the package came without it. */
export function bundledModel(): string {
  const root = packageRoot();
  const directory = join(root, name);
  if (existsSync(join(directory, "config.json"))) return directory;
  throw new TaperError(
    "ERR_FILE",
    `${directory}: the bundled model is not there: the npm package comes without one. Give the directory of a model with --model, or take a checkout of the repository.`,
  );
}

/** As package.json says. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")).version;
}

/** Up from this file, source or bundle, to the package.json that it belongs to. */
export function packageRoot(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  let directory = here;
  while (!existsSync(join(directory, "package.json"))) {
    const parent = dirname(directory);
    if (parent === directory) return here;
    directory = parent;
  }
  return directory;
}
