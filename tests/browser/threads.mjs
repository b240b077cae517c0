// Serves threads-page.ts to a headless Chromium, with and without cross-origin isolation and under a strict Content-Security-Policy,
// and prints what each page reports as one line of JSON: [isolated, not isolated]. Exits 77 if there is no browser to run it in.
// Usage: node tests/browser/threads.mjs [CHROMIUM]
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = process.argv[2] ?? process.env.CHROMIUM ?? places.find(existsSync);
if (!executablePath || !existsSync(executablePath)) unavailable(`no Chromium (looked for ${places.join(", ")})`);

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { outputFiles } = await build({
  entryPoints: { page: here("threads-page.ts") },
  bundle: true,
  splitting: true,
  write: false,
  outdir: "/",
  format: "esm",
  platform: "browser",
});
const files = new Map(outputFiles.map(({ path, text }) => [path, text]));
files.set("/wasm-thread.js", readFileSync(here("../../kernels/backends/wasm-thread.js"), "utf8"));
const csp = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};
const server = createServer(({ url = "/", headers }, response) => {
  const isolate = url === "/isolated" || headers.referer?.endsWith("/isolated") || url === "/wasm-thread.js";
  const script = files.get(url);
  const type = script === undefined ? "text/html" : "text/javascript";
  response.writeHead(200, { "Content-Type": type, "Content-Security-Policy": csp, ...(isolate && isolation) });
  response.end(script ?? `<!doctype html><script type="module" src="/page.js"></script>`);
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));

let browser;
try {
  const args = ["--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-component-update"];
  browser = await chromium.launch({ executablePath, headless: true, args });
} catch (error) {
  unavailable(`${executablePath} does not start: ${error.message.split("\n")[0]}`);
}
try {
  const reports = [];
  for (const path of ["/isolated", "/plain"]) {
    const tab = await browser.newPage();
    tab.on("pageerror", (error) => console.error(error));
    tab.on("console", (message) => console.error(message.text()));
    await tab.goto(`http://127.0.0.1:${server.address().port}${path}`);
    // Polled from here: the page may not build code from strings.
    for (let i = 0; i < 200 && !(await tab.evaluate(() => "report" in globalThis)); i++) await tab.waitForTimeout(50);
    reports.push(await tab.evaluate(() => globalThis.report()));
    await tab.close();
  }
  console.log(JSON.stringify(reports));
} finally {
  await browser.close();
  server.close();
}

function unavailable(reason) {
  console.error(reason);
  process.exit(77);
}
