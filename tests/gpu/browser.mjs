// Runs tests/gpu/page.ts in a headless Chromium and prints its cases as one line of JSON: [{ name, error? }, …].
// Exits 0 if the page ran (whatever its cases say), 77 if there is no browser to run it in, with the reason on stderr.
// Usage: node tests/gpu/browser.mjs [CHROMIUM]
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = process.argv[2] ?? process.env.CHROMIUM ?? places.find(existsSync);
if (!executablePath || !existsSync(executablePath))
  unavailable(`no Chromium (looked for ${executablePath ?? places.join(", ")})`);

const page = fileURLToPath(new URL("page.ts", import.meta.url));
const bundle = await build({
  entryPoints: [page],
  bundle: true,
  write: false,
  format: "esm",
  platform: "browser",
  alias: { vitest: fileURLToPath(new URL("runner.ts", import.meta.url)) },
});
const args = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-angle=swiftshader", // the same rasteriser on every machine
  "--enable-unsafe-swiftshader",
];
let browser;
try {
  browser = await chromium.launch({ executablePath, headless: true, args });
} catch (error) {
  unavailable(`${executablePath} does not start: ${error.message.split("\n")[0]}`);
}
try {
  const tab = await browser.newPage();
  tab.on("pageerror", (error) => console.error(error));
  await tab.addScriptTag({ content: bundle.outputFiles[0].text, type: "module" });
  await tab.waitForFunction("'runCases' in window", undefined, { timeout: 60_000 });
  const cases = await tab.evaluate("runCases()");
  console.log(JSON.stringify(cases));
} finally {
  await browser.close();
}

function unavailable(reason) {
  console.error(reason);
  process.exit(77);
}
