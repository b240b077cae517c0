// Uses the demo (examples/browser) in a headless Chromium as its visitors do, and prints as one line of JSON what was seen:
// { first, slid, typed, …, problems }, each what the page showed then; on wasm also the way by keys alone and the page's widths. Exits 77 if there is no browser or no such backend in it, with the reason
// on stderr. Usage: node tests/browser/demo.mjs wasm|webgl2 [--screenshots DIRECTORY]
import { existsSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { bundleDemo, serveDemo } from "../../examples/browser/serve.mjs";

const backend = process.argv[2] ?? "wasm";
const directory = process.argv[3] === "--screenshots" ? process.argv[4] : undefined;
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = process.env.CHROMIUM ?? places.find(existsSync);
if (!executablePath || !existsSync(executablePath))
  unavailable(`no Chromium (looked for ${executablePath ?? places.join(", ")})`);

await bundleDemo();
const server = await serveDemo(0);
const origin = `http://127.0.0.1:${server.address().port}`;
const args = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
];
let browser;
try {
  browser = await chromium.launch({ executablePath, headless: true, args });
} catch (error) {
  unavailable(`${executablePath} does not start: ${error.message.split("\n")[0]}`);
}
let reason;
// Chromium says so by itself when a page asks whether there is WebGPU.
const noAdapter = /^No available adapters\.$/;
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on(
    "console",
    (message) =>
      ["error", "warning"].includes(message.type()) && !noAdapter.test(message.text()) && problems.push(message.text()),
  );
  page.on("request", (request) => new URL(request.url()).origin !== origin && problems.push(request.url()));

  await page.goto(origin);
  // Polled from here throughout: the page may not build code from strings.
  const until = async (what, ready) => {
    for (let i = 0; i < 1200; i++) {
      if (await ready()) return;
      await page.waitForTimeout(40);
    }
    throw new Error(`waited in vain until ${what}: ${JSON.stringify(await look())} ${problems.join("\n")}`);
  };
  const look = () =>
    page.evaluate(() => {
      const said = (id) => document.getElementById(id)?.textContent ?? "";
      return {
        state: document.body.dataset.state,
        label: said("label"),
        end: said("end"),
        runs: said("runs"),
        status: said("status"),
        picture: document.querySelector("#picture svg")?.getAttribute("aria-label") ?? "",
        busy: document.getElementById("picture")?.ariaBusy !== "false",
        timed: !document.getElementById("times")?.classList.contains("stale"),
        cells: document.querySelectorAll("#picture rect").length,
        fewer: said("fewer"),
        faster: said("faster"),
        denseMs: Number.parseFloat(said("dense-ms")),
        focused: document.activeElement?.id ?? "",
      };
    });
  const answered = async (before) => {
    await until("the picture changes", async () => {
      const { busy, picture } = await look();
      return !busy && picture !== before.picture;
    });
    return look();
  };

  await until("there is a first answer", async () => (await look()).picture !== "");
  if (backend !== "wasm") {
    const radio = page.locator(`input[value="${backend}"]`);
    // A text that the first layer answers: software rasterisers are slow.
    const before = await look();
    await page.locator("#text").fill("a dull mess");
    await answered(before);
    if (await radio.isDisabled()) reason = await page.locator(`#${backend}-why`).textContent();
    else await radio.check();
    const ends = async () => (await look()).runs.includes(backend) || (await radio.isDisabled());
    if (reason === undefined) await until(`it runs on ${backend}, or says why not`, ends);
    if (await radio.isDisabled()) reason = await page.locator(`#${backend}-why`).textContent();
  }
  if (reason === undefined && backend !== "wasm") {
    await until("it answers", async () => !(await look()).busy);
    const first = await look();
    await page.locator("#keep").fill("-6");
    const slid = await answered(first);
    await page.locator("#keep").fill("-3.5");
    const back = await answered(slid);
    await page.locator("#text").pressSequentially("y tale", { delay: 5 });
    const typed = await answered(back);
    console.log(JSON.stringify({ first, slid, typed, problems }));
  } else if (reason === undefined) {
    await until("it is timed", async () => (await look()).timed);
    const first = await look();

    await page.locator("#keep").fill("1");
    const slid = await answered(first);
    await page.locator("#text").fill("");
    const emptied = await look();
    await page.locator("#text").pressSequentially("a dull and tedious mess", { delay: 15 });
    await answered(slid);
    await until("the answer is announced", async () => {
      const { status, label, end } = await look();
      return status.startsWith(label) && status.endsWith(`${end}.`) && status !== slid.status;
    });
    const typed = await look();

    // Keys alone, from the text: an example, a dial, and back to the model's own.
    await page.locator("#text").focus();
    const path = [];
    const press = async (key, times = 1) => {
      for (let i = 0; i < times; i++) await page.keyboard.press(key);
      path.push((await look()).focused);
    };
    await press("Tab", 1);
    await page.keyboard.press("Enter");
    const chosen = await answered(typed);
    await press("Tab", 4);
    await press("ArrowLeft", 6);
    const keyed = await answered(chosen);
    await press("Tab", 2);
    await page.keyboard.press("Enter");
    const reset = await answered(keyed);
    await press("Tab");
    const outlined = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);

    await until("it is timed again", async () => (await look()).timed);
    const widths = [];
    for (const scheme of ["light", "dark"]) {
      for (const width of [1280, 390]) {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: width === 390 ? "reduce" : "no-preference" });
        await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
        await page.waitForTimeout(80);
        const seen = await page.evaluate(() => ({
          scrollWidth: document.scrollingElement.scrollWidth,
          outside: [...document.querySelectorAll("body *")]
            .filter((element) => element.checkVisibility() && element.id !== "status")
            .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
            .map((element) => element.id || element.tagName),
          unnamed: [...document.querySelectorAll("input, textarea, button, svg[role=img]")].filter(
            (element) => !(element.getAttribute("aria-label") || element.labels?.length || element.textContent?.trim()),
          ).length,
          background: getComputedStyle(document.body).backgroundColor,
          moves: getComputedStyle(document.getElementById("bar-ms")).transitionDuration,
        }));
        widths.push({ width, scheme, ...seen });
        if (directory) {
          await page.evaluate(() => document.activeElement?.blur());
          await page.screenshot({ path: join(directory, `demo-${width}-${scheme}.png`), fullPage: true });
        }
      }
    }
    const states = { first, slid, emptied, typed, chosen, keyed, reset };
    console.log(JSON.stringify({ ...states, path, outlined, widths, problems }));
  }
} finally {
  await browser.close();
  server.close();
}
if (reason !== undefined) unavailable(reason);

function unavailable(text) {
  console.error(text);
  process.exit(77);
}
