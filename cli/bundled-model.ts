/** Where the model that comes with this package lies. */
import { existsSync } from "node:fs";
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
    `${directory}: the bundled model is not there. Train one with taperbert train, or give the directory of a model with --model.`,
  );
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
