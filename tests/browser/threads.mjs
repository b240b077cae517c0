// Serves threads-page.ts with and without cross-origin isolation and prints what each page reports as one line of JSON:
// [isolated, not isolated]. Exits 77 if there is no browser.
// Usage: node tests/browser/threads.mjs [CHROMIUM]
import { fileURLToPath } from "node:url";
import { reports } from "./reports.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};
const found = await reports({
  entryPoints: { page: here("threads-page.ts") },
  files: { "/wasm-thread.js": here("../../kernels/backends/wasm-thread.js") },
  paths: ["/isolated", "/plain"],
  headers: ({ url, headers: { referer } }) =>
    url === "/isolated" || referer?.endsWith("/isolated") || url === "/wasm-thread.js" ? isolation : {},
});
console.log(JSON.stringify(found));
