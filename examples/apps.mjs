// Installs each example from its own lockfile and taperbert from the tarball that `npm pack` makes, builds it, lets it classify a
// sentence in headless Chromium, and prints a table: label, score, backend, threads, milliseconds to the first answer. Fails if an app does not answer, or
// does not say what is expected of it. See README.md.
// Usage, after npm run build: npm run examples [-- vite webpack plain extension strict-csp] [-- --no-install] [-- --json]
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { serve } from "./serve.mjs";

const { values, positionals } = parseArgs({
  options: { "no-install": { type: "boolean" }, json: { type: "boolean" } },
  allowPositionals: true,
});
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = process.env.CHROMIUM ?? places.find(existsSync);
if (!executablePath) fail(`no Chromium (looked for ${places.join(", ")}; CHROMIUM names another)`);
const args = ["--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-component-update"];

const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
const others = "default-src 'none'; worker-src 'self'; connect-src 'self'; script-src 'self'";
const mayCompile = { "Content-Security-Policy": `${others} 'wasm-unsafe-eval'` };
const mayNotCompile = { "Content-Security-Policy": others };

/** Each gives its cases as [name, report, what the report must say]. */
const apps = {
  async vite(open) {
    const folder = here("vite/dist");
    const { createServer } = await import(createRequire(here("vite/package.json")).resolve("vite"));
    const development = await createServer({
      root: here("vite"),
      server: { port: 0, host: "127.0.0.1" },
      logLevel: "warn",
    });
    await development.listen();
    const { port } = development.httpServer.address();
    try {
      return [
        ["vite", await served(folder, open, "/", () => isolation), { threads: manyThreads, backend: "wasm" }],
        [
          "vite, not isolated",
          await served(folder, open, "/"),
          { threads: 1, threadsWhy: /not cross-origin isolated/ },
        ],
        ["vite, development", await open(`http://127.0.0.1:${port}/`), { threads: manyThreads, backend: "wasm" }],
      ];
    } finally {
      await development.close();
    }
  },
  async webpack(open) {
    const folder = here("webpack/dist");
    return [
      ["webpack", await served(folder, open, "/", () => isolation), { threads: manyThreads, backend: "wasm" }],
      [
        "webpack, not isolated",
        await served(folder, open, "/"),
        { threads: 1, threadsWhy: /not cross-origin isolated/ },
      ],
    ];
  },
  async plain(open) {
    const found = await served(here("plain"), open, "/", () => isolation);
    return [["no bundler", found, { threads: manyThreads, backend: "wasm" }]];
  },
  async extension() {
    const folder = here("extension/dist");
    const profile = mkdtempSync(join(tmpdir(), "taper-profile-"));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath,
      headless: true,
      // Playwright's own switches turn extensions off.
      ignoreDefaultArgs: ["--disable-extensions"],
      args: [...args, `--disable-extensions-except=${folder}`, `--load-extension=${folder}`],
    });
    try {
      const background = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
      const { host } = new URL(background.url());
      const onPage = await reportOn(context, `chrome-extension://${host}/page.html`);
      const inBackground = await background.evaluate(() => globalThis.classify("a gorgeous, witty, seductive movie"));
      return [
        ["extension page", onPage, { threads: manyThreads, backend: "wasm" }],
        ["extension service worker", inBackground, { threads: 1, backend: "wasm" }],
      ];
    } finally {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    }
  },
  async "strict-csp"(open) {
    const folder = here("strict-csp/dist");
    const compiler = (path) => (path === "/compile.js" ? mayCompile : mayNotCompile);
    return [
      [
        "worker, 'wasm-unsafe-eval'",
        await served(folder, open, "/", () => ({ ...mayCompile, ...isolation })),
        { threads: manyThreads, backend: "wasm" },
      ],
      [
        "no 'wasm-unsafe-eval', wasmModule",
        await served(folder, open, "/forbidden.html?module", compiler),
        { backend: "wasm", why: /was given, compiled/ },
      ],
      [
        "no 'wasm-unsafe-eval'",
        await served(folder, open, "/forbidden.html", () => mayNotCompile),
        { backend: "scalar", why: /Content Security/ },
      ],
    ];
  },
};

/** A machine with one core has one. */
const manyThreads = (threads) => threads > 1 || availableParallelism() === 1;

const names = positionals.length > 0 ? positionals : Object.keys(apps);
const unknown = names.find((name) => !Object.hasOwn(apps, name));
if (unknown !== undefined) fail(`no example "${unknown}"; there are ${Object.keys(apps).join(", ")}`);

if (!values["no-install"]) install(names);
for (const name of names) run("npm", ["run", "--silent", "--if-present", "build"], here(name));

const rows = [];
const browser = await chromium.launch({ executablePath, headless: true, args });
try {
  for (const name of names) {
    const cases = await apps[name]((url) => reportOn(browser, url));
    for (const [app, report, expected] of cases) rows.push({ app, ...report, wrong: differences(report, expected) });
  }
} finally {
  await browser.close();
}
print(rows);
const wrong = rows.filter((row) => row.wrong.length > 0);
for (const row of wrong) console.error(`examples: ${row.app}: ${row.wrong.join("; ")}`);
process.exit(wrong.length > 0 ? 1 : 0);

/** Packs this checkout as it is built, and installs it beside what each lockfile says. */
function install(names) {
  const folder = mkdtempSync(join(tmpdir(), "taper-pack-"));
  try {
    const packed = run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], here(".."));
    const tarball = join(folder, JSON.parse(packed)[0].filename);
    const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
    for (const name of names) {
      run("npm", ["ci", ...quiet], here(name));
      run("npm", ["install", "--no-save", "--no-package-lock", "--omit=peer", ...quiet, tarball], here(name));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function served(folder, open, path, headers) {
  const server = await serve(folder, headers);
  try {
    return await open(server.url + path);
  } finally {
    server.close();
  }
}

/** What a page puts into #result. Polled from here: a page under a strict policy may not build code from strings. */
async function reportOn(browser, url) {
  const tab = await browser.newPage();
  const said = [];
  tab.on("pageerror", (error) => said.push(String(error)));
  tab.on("console", (message) => message.type() === "error" && said.push(message.text()));
  try {
    await tab.goto(url);
    for (let i = 0; i < 1200; i++) {
      const text = await tab.evaluate(() => document.querySelector("#result")?.textContent);
      if (text) return JSON.parse(text);
      await tab.waitForTimeout(50);
    }
    return { failed: `no answer in a minute; the page says: ${said.join(" | ") || "nothing"}` };
  } finally {
    await tab.close();
  }
}

/** All of them are to be sure that the sentence is a positive one. */
function differences(report, expected) {
  if (report.failed) return [report.failed];
  const all = { label: "positive", score: (score) => score > 0.9, ...expected };
  return Object.entries(all)
    .filter(([key, wanted]) => {
      if (typeof wanted === "function") return !wanted(report[key]);
      return wanted instanceof RegExp ? !wanted.test(report[key]) : report[key] !== wanted;
    })
    .map(([key, wanted]) => `${key} is ${JSON.stringify(report[key])}, expected ${wanted}`);
}

function print(rows) {
  if (values.json) {
    console.log(JSON.stringify(rows, null, 2));
    return;
  }
  const width = Math.max(...rows.map(({ app }) => app.length));
  const line = (...cells) => console.log([cells[0].padEnd(width), ...cells.slice(1)].join("  ").trimEnd());
  line("app", "label   ", " score", "backend", "threads", "first ms");
  for (const { app, label = "-", score = Number.NaN, backend = "-", threads = 0, ms = Number.NaN } of rows) {
    const cells = [score.toFixed(4).padStart(6), backend.padEnd(7), String(threads).padStart(7)];
    line(app, label.padEnd(8), ...cells, ms.toFixed(1).padStart(8));
  }
}

function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) fail(`${command} ${args.join(" ")} in ${cwd} failed\n${stdout}${stderr}`);
  return stdout;
}

function fail(message) {
  console.error(`examples: ${message}`);
  process.exit(1);
}
