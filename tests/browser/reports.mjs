// What pages report in a headless Chromium: builds a script that defines `report()`, serves it under a Content-Security-Policy at each
// path, and gives what `report()` gives there. Exits 77, with the reason on stderr, if there is no browser to run it in.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename } from "node:path";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const csp = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";

/**
 * `files`: path on the server to a file's path here. `headers`: what the server adds for a request. Scripts are beside every page, but
 * for those of `missing`, the paths that the server says it does not have.
 */
export async function reports({ entryPoints, files, paths, headers = () => ({}), missing = [] }) {
  const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const executablePath = process.argv[2] ?? process.env.CHROMIUM ?? places.find(existsSync);
  if (!executablePath || !existsSync(executablePath)) unavailable(`no Chromium (looked for ${places.join(", ")})`);

  const { outputFiles } = await build({
    entryPoints,
    bundle: true,
    splitting: true,
    write: false,
    outdir: "/",
    format: "esm",
    platform: "browser",
  });
  const scripts = new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
  const server = createServer((request, response) => {
    const { url = "/" } = request;
    const isScript = url.endsWith(".js");
    const file = files[url] && readFileSync(files[url]);
    const found = missing.includes(url) ? undefined : isScript ? (scripts.get(basename(url)) ?? file) : file;
    const type = isScript ? "text/javascript" : found ? "application/octet-stream" : "text/html";
    const isPage = paths.includes(url);
    response.writeHead(found || isPage ? 200 : 404, {
      "Content-Type": isPage || found ? type : "text/plain",
      "Content-Security-Policy": csp,
      ...headers(request),
    });
    response.end(isPage ? `<!doctype html><script type="module" src="page.js"></script>` : found);
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
    const found = [];
    for (const path of paths) {
      const tab = await browser.newPage();
      tab.on("pageerror", (error) => console.error(error));
      tab.on("console", (message) => console.error(message.text()));
      await tab.goto(`http://127.0.0.1:${server.address().port}${path}`);
      // Polled from here: the page may not build code from strings.
      for (let i = 0; i < 1200 && !(await tab.evaluate(() => "report" in globalThis)); i++)
        await tab.waitForTimeout(50);
      found.push(await tab.evaluate(() => globalThis.report()));
      await tab.close();
    }
    return found;
  } finally {
    await browser.close();
    server.close();
  }
}

function unavailable(reason) {
  console.error(reason);
  process.exit(77);
}
