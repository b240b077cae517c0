/** Reading the small files of a model directory, with errors that name the file. Node only; checkpoints have a reader of their own. */
import { readFile, stat } from "node:fs/promises";
import { TaperError } from "./errors.ts";

/** No configuration comes near this; a larger file is not one. */
const largestJson = 16 * 1024 * 1024;

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** A parsed JSON file. Throws ERR_FILE if it is missing (unless `optional`: undefined), too large, or no JSON. */
export async function readJson(path: string, { optional = false } = {}): Promise<unknown> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > largestJson)
      throw new TaperError("ERR_FILE", `${path}: expected at most ${largestJson} bytes, found ${size}.`);
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof TaperError) throw error;
    if (optional && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new TaperError("ERR_FILE", `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TaperError("ERR_FILE", `${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}
