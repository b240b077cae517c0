/** For tests of what is built: they cannot run in a checkout that nobody has built, and say so rather than fail obscurely. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The path of a file of dist/. Throws, with the remedy, if it is missing. */
export function built(name: string): string {
  const file = fileURLToPath(new URL(`../../dist/${name}`, import.meta.url));
  if (existsSync(file)) return file;
  throw new Error(`dist/${name} is missing: this test runs what is built; run npm run build first (npm test does)`);
}
