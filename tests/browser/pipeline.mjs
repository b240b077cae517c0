// Serves pipeline-page.ts with the bundled model and prints what it reports as one line of JSON, with its worker beside it and
// without: [beside, alone]. Exits 77 if there is no browser.
// Usage: node tests/browser/pipeline.mjs [CHROMIUM]
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { reports } from "./reports.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const model = here("../../models/sst2-12x128/");
const found = await reports({
  entryPoints: { page: here("pipeline-page.ts"), "pipeline-worker": here("../../pipeline/worker.ts") },
  files: Object.fromEntries(readdirSync(model).map((name) => [`/model/${name}`, model + name])),
  paths: ["/", "/alone/"],
  missing: ["/alone/pipeline-worker.js"],
});
console.log(JSON.stringify(found));
