/**
 * Writing a file so that it is either the old one or the whole new one, whatever happens in between. Node only.
 */

import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { TaperError } from "./errors.ts";

/**
 * Makes the folders that are missing, writes to a temporary file beside `path`, makes sure it is on the disk, and renames it to `path`.
 * @throws TaperError ERR_FILE; then `path` is what it was and the temporary file is gone
 */
export async function writeFileAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    const reason = (error as Error).message.replaceAll(temporary, path);
    throw new TaperError("ERR_FILE", `${path} cannot be written: ${reason}`, { cause: error });
  }
  await syncDirectory(dirname(path));
}

/** Puts the rename itself on the disk, where directories can be synchronised (not on Windows). */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
