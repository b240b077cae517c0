/**
 * Where the large published fixtures and data sets lie, if they are there: `../shared` beside the repository, or the
 * folder that TAPER_SHARED names. Tests that need them are skipped, with the reason printed, where they are absent.
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const roots = [process.env.TAPER_SHARED, fileURLToPath(new URL("../../shared", import.meta.url))];

/** The path of a shared file, or undefined (and a printed line) if it is absent here. */
export function sharedFile(path: string): string | undefined {
  const found = roots.filter((root) => root !== undefined).map((root) => `${root}/${path}`);
  const file = found.find((candidate) => existsSync(candidate));
  if (file === undefined) console.info(`skipped: no ${found.join(" and no ")}`);
  return file;
}
