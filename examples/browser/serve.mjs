// Bundles the demo and serves it on this machine: `npm run demo`, or node examples/browser/serve.mjs [PORT]. Nothing else is served
// but the bundle and the bundled model; every answer carries its Content-Security-Policy.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const bundle = here("dist");
const model = here("../../models/sst2-12x128");

const types = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".txt": "text/plain; charset=utf-8",
};

const policy = (scripts) =>
  `default-src 'none'; script-src 'self'${scripts}; worker-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** A worker has the policy that its own script is served with. The page itself compiles nothing. */
const policies = {
  "/wasm-worker.js": policy(" 'wasm-unsafe-eval'"),
  "/gpu-worker.js": policy(" 'unsafe-eval'"),
};

export async function bundleDemo() {
  await build({
    entryPoints: ["page.ts", "wasm-worker.ts", "gpu-worker.ts", "style.css", "page.html", "icon.svg"].map(here),
    outdir: bundle,
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    loader: { ".html": "copy", ".svg": "copy" },
    logLevel: "warning",
  });
}

/** Resolves to a server that listens on 127.0.0.1; port 0 takes any free one. */
export async function serveDemo(port) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const [folder, name] = pathname.startsWith("/model/")
      ? [model, pathname.slice("/model/".length)]
      : [bundle, pathname === "/" ? "page.html" : pathname.slice(1)];
    response.setHeader("Content-Security-Policy", policies[pathname] ?? policy(""));
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.setHeader("Referrer-Policy", "no-referrer");
    // An isolated page has finer clocks: narrowed, a sentence takes a fraction of a millisecond.
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    try {
      const path = join(folder, decodeURIComponent(name));
      if (!path.startsWith(folder + sep)) throw new Error("outside of what is served");
      const bytes = await readFile(path);
      response.writeHead(200, { "Content-Type": types[extname(path)] ?? "application/octet-stream" }).end(bytes);
    } catch {
      response.writeHead(404, { "Content-Type": "text/plain" }).end("There is no such file.\n");
    }
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await bundleDemo();
  const port = process.argv[2] ?? "8080";
  try {
    const server = await serveDemo(Number(port));
    console.log(`http://127.0.0.1:${server.address().port}  (Ctrl-C ends it)`);
  } catch (error) {
    console.error(`port ${port}: ${error.message}; give another: npm run demo -- 8081`);
    process.exitCode = 1;
  }
}
