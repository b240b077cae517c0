// The API reference is built, and everything that the public entries export has a doc comment: typedoc's own validation, as
// docs/api/typedoc.json asks for it. Usage: node scripts/check-docs.mjs
import { spawnSync } from "node:child_process";

const { status, stdout, stderr } = spawnSync("npm", ["run", "--silent", "docs"], { encoding: "utf8" });
if (status !== 0) {
  console.error(`${stdout}${stderr}\ncheck-docs: the reference cannot be built without warnings`);
  process.exit(1);
}
console.log("npm run docs: every public export has a doc comment; the reference is in docs/api/out");
