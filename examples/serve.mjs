// A web server for the examples: a folder, the repository's models beside it, and whatever headers a page needs.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const models = fileURLToPath(new URL("../models/", import.meta.url));
const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** Serves until `close()`; `headers(pathname)` are added to each answer. */
export async function serve(folder, headers = () => ({})) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const root = pathname.startsWith("/sst2-12x128/") ? models : folder;
    const name = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    const content = await readFile(join(root, name)).catch(() => undefined);
    const type = types[extname(name)] ?? "application/octet-stream";
    response.writeHead(content ? 200 : 404, { "Content-Type": type, ...headers(pathname) });
    response.end(content);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
