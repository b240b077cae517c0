/** The files of a directory on a web server, each fetched when it is asked for, whole. Caching is left to the browser. */
import { TaperError } from "./errors.ts";
import { bytesSource, checkSize, type ModelFiles } from "./model-files.ts";

/** What a server says of a file that it does not have. */
const absent = [404, 410];

export function urlFiles(base: URL): ModelFiles {
  const directory = new URL(base);
  if (!directory.pathname.endsWith("/")) directory.pathname += "/";
  const urlOf = (name: string): string => {
    const url = new URL(name, directory);
    // A signed URL's parameters belong to every file.
    url.search = directory.search;
    return url.href;
  };

  const get = async (name: string, method: "GET" | "HEAD"): Promise<Response | undefined> => {
    const url = urlOf(name);
    const response = await fetch(url, { method }).catch((error: unknown) => {
      // What belongs to an extension or an app has no status: a file that is not there cannot be fetched.
      if (!/^https?:$/.test(directory.protocol)) return undefined;
      const { message, cause } = error as Error;
      const reason = cause instanceof Error ? cause.message : message;
      throw new TaperError("ERR_FILE", `${url} cannot be read: ${reason}`, { cause: error });
    });
    if (response === undefined) return undefined;
    // Many servers of single-page applications answer with their page whatever is asked for.
    const isPage = response.headers.get("content-type")?.startsWith("text/html") ?? false;
    if (response.ok && !isPage) return response;
    await response.body?.cancel();
    if (isPage || absent.includes(response.status)) return undefined;
    throw new TaperError(
      "ERR_FILE",
      `${url} cannot be read: the server answered ${response.status} ${response.statusText}.`,
    );
  };

  const fetchWhole = async (name: string, most: number): Promise<Uint8Array | undefined> => {
    const response = await get(name, "GET");
    return response && whole(response, most, urlOf(name));
  };

  return {
    where: directory.href,
    pathOf: urlOf,
    async has(name) {
      const response = await get(name, "HEAD");
      return response !== undefined;
    },
    absence: async () => "there is no such file",
    bytes: fetchWhole,
    async open(name) {
      const bytes = await fetchWhole(name, Number.MAX_SAFE_INTEGER);
      return bytes && bytesSource(bytes, urlOf(name));
    },
  };
}

/** A response's body, refused as soon as it is longer than `most`. */
async function whole(response: Response, most: number, url: string): Promise<Uint8Array> {
  try {
    const announced = Number(response.headers.get("content-length") ?? Number.NaN);
    if (announced >= 0) checkSize(announced, most, url);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for (const reader = response.body?.getReader(); reader !== undefined; ) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > most) await reader.cancel();
      checkSize(size, most, url);
      chunks.push(value);
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  } catch (error) {
    if (error instanceof TaperError) throw error;
    throw new TaperError("ERR_FILE", `${url} broke off: ${(error as Error).message}`, { cause: error });
  }
}
