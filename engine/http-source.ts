/**
 * Files behind a URL, where there is `fetch` and no file system. A checkpoint is fetched whole: servers that answer range requests
 * cannot be counted on. It keeps nothing: what is fetched twice is the cache's business.
 */
import type { ByteSource } from "./byte-source.ts";
import { TaperError } from "./errors.ts";

/** The bytes at a URL; undefined if there are none there and `optional` says that this is fine. Throws ERR_FILE. */
export async function fetchBytes(url: string, { optional = false } = {}): Promise<Uint8Array | undefined> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new TaperError("ERR_FILE", `${url} cannot be fetched: ${(cause as Error).message}`, { cause });
  }
  if (response.status === 404 && optional) return undefined;
  if (!response.ok)
    throw new TaperError("ERR_FILE", `${url} cannot be fetched: the server answers ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}

/** A parsed JSON file; undefined if it is `optional` and not there. Throws ERR_FILE. */
export async function fetchJson(url: string, options: { optional?: boolean } = {}): Promise<unknown> {
  const bytes = await fetchBytes(url, options);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new TaperError("ERR_FILE", `${url} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/** A source of the bytes at a URL. Throws ERR_FILE. */
export async function httpSource(url: string): Promise<ByteSource> {
  const bytes = (await fetchBytes(url)) ?? new Uint8Array(0);
  return {
    where: url,
    size: bytes.length,
    async read(into, position) {
      if (position + into.length > bytes.length) {
        throw new TaperError(
          "ERR_CHECKPOINT",
          `${url}: expected ${into.length} bytes at ${position}, found ${bytes.length} in all.`,
        );
      }
      into.set(bytes.subarray(position, position + into.length));
    },
    async close() {},
  };
}
