// Runs tests/gpu/page.ts in a headless Chromium and prints its cases as one line of JSON: [{ name, error? }, …].
// Exits 0 if the page ran (whatever its cases say), 77 if there is no browser or no such mode in it, with the reason on stderr.
// Usage: node tests/gpu/browser.mjs MODE [--measure] [--only=TEXT] [--verbose]
// CHROMIUM names another browser; --measure runs measure.ts instead; --only those cases that have TEXT in their name.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const mode = process.argv[2] ?? "webgl2";
const measuring = process.argv.includes("--measure");
const only = process.argv.find((arg) => arg.startsWith("--only="))?.slice("--only=".length) ?? "";
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = process.env.CHROMIUM ?? places.find(existsSync);
if (!executablePath || !existsSync(executablePath))
  unavailable(`no Chromium (looked for ${executablePath ?? places.join(", ")})`);

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const bundle = await build({
  entryPoints: [here(measuring ? "measure.ts" : "page.ts")],
  bundle: true,
  write: false,
  format: "esm",
  platform: "browser",
  // As applications ship it: a kernel that were a function would not survive this.
  minify: true,
  alias: { vitest: here("runner.ts") },
});
// WebGPU needs an origin, and models are fetched from one.
const folders = {
  "/models/": here("../../models/"),
  "/tests/fixtures/": here("../fixtures/"),
  "/shared/": `${process.env.TAPER_SHARED ?? here("../../../shared")}/`,
};
const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  try {
    const folder = Object.keys(folders).find((prefix) => pathname.startsWith(prefix));
    if (folder) response.end(await readFile(folders[folder] + pathname.slice(folder.length)));
    else if (pathname === "/") {
      response.setHeader("content-type", "text/html");
      response.end('<!doctype html><script type="module" src="/page.js"></script>');
    } else if (pathname === "/page.js") {
      response.setHeader("content-type", "text/javascript");
      response.end(bundle.outputFiles[0].text);
    } else throw new Error("no such page");
  } catch {
    response.statusCode = 404;
    response.end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const args = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-angle=swiftshader", // the same rasteriser on every machine
  "--enable-unsafe-swiftshader",
  "--enable-unsafe-webgpu",
  "--enable-precise-memory-info",
  "--js-flags=--expose-gc",
];
let browser;
try {
  browser = await chromium.launch({ executablePath, headless: true, args });
} catch (error) {
  unavailable(`${executablePath} does not start: ${error.message.split("\n")[0]}`);
}
let reason;
try {
  const tab = await browser.newPage();
  tab.on("pageerror", (error) => console.error(error));
  if (process.argv.includes("--verbose")) tab.on("console", (message) => console.error(message.text()));
  await tab.goto(`http://127.0.0.1:${server.address().port}/?${new URLSearchParams({ mode, only })}`);
  await tab.waitForFunction("'runCases' in window", undefined, { timeout: 60_000 });
  reason = await tab.evaluate("unavailable()");
  if (reason === undefined) console.log(JSON.stringify(await tab.evaluate("runCases()"), null, measuring ? 2 : 0));
} finally {
  await browser.close();
  server.close();
}
if (reason !== undefined) unavailable(reason);

function unavailable(reason) {
  console.error(reason);
  process.exit(77);
}
