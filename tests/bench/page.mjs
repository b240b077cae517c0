// Opens a page from file:// in a headless Chromium at two widths, in light and in dark, and prints as one line of JSON what it found:
// [{ width, scheme, scrollWidth, outside: [...], requests: [...], errors: [...], pictures }, …]. With DIRECTORY, screenshots are left there.
// Exits 77 if there is no browser, with the reason on stderr. Usage: node tests/bench/page.mjs FILE [DIRECTORY]
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [file, directory] = process.argv.slice(2);
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = process.env.CHROMIUM ?? places.find(existsSync);
if (!executablePath || !existsSync(executablePath))
  unavailable(`no Chromium (looked for ${executablePath ?? places.join(", ")})`);

const args = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
];
let browser;
try {
  browser = await chromium.launch({ executablePath, headless: true, args });
} catch (error) {
  unavailable(`${executablePath} does not start: ${error.message.split("\n")[0]}`);
}
try {
  const found = [];
  for (const scheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme });
      const page = await context.newPage();
      const requests = [];
      const errors = [];
      page.on("request", (request) => requests.push(request.url()));
      page.on("pageerror", (error) => errors.push(String(error)));
      page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
      await page.goto(pathToFileURL(file).href);
      // Opened, so that what is folded away is looked at as well.
      const seen = await page.evaluate(() => {
        for (const folded of document.querySelectorAll("details")) folded.open = true;
        const visible = [...document.querySelectorAll("body *")].filter((element) => element.checkVisibility());
        const outside = visible.filter((element) => {
          const { left, right, width: wide } = element.getBoundingClientRect();
          return wide > 0 && (left < -0.5 || right > innerWidth + 0.5);
        });
        return {
          scrollWidth: document.scrollingElement.scrollWidth,
          outside: outside.map((element) => `${element.tagName} ${element.textContent.slice(0, 40)}`),
          pictures: visible.filter((element) => element.tagName === "svg").length,
          unnamed: visible.filter((element) => element.tagName === "svg" && !element.getAttribute("aria-label")).length,
          background: getComputedStyle(document.body).backgroundColor,
        };
      });
      if (directory) await page.screenshot({ path: join(directory, `report-${width}-${scheme}.png`), fullPage: true });
      found.push({ width, scheme, requests, errors, ...seen });
      await context.close();
    }
  }
  console.log(JSON.stringify(found));
} finally {
  await browser.close();
}

function unavailable(reason) {
  console.error(reason);
  process.exit(77);
}
