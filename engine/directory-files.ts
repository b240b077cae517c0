/**
 * The files of a directory, and nothing outside of it: a name or a symbolic link that leads out is refused. The one exception is Hugging
 * Face's cache, where a snapshot's files are links to the blobs of the same repository. Node only, and without an import of Node's
 * modules: those would stop a bundler that builds this for a browser, where nobody calls it.
 */
import { TaperError } from "./errors.ts";
import { checkSize, type ModelFiles } from "./model-files.ts";
import { fileSource } from "./safetensors-file.ts";

/** "owner/name", which names a model elsewhere. */
const hubName = /^[\w-][\w.-]*\/[\w.-]+$/;

export function directoryFiles(directory: string): ModelFiles {
  const { readFile, realpath, stat } = process.getBuiltinModule("node:fs/promises");
  const { dirname, join, resolve, sep } = process.getBuiltinModule("node:path");
  const pathOf = (name: string): string => join(directory, name);
  const unreadable = (name: string, error: unknown): TaperError =>
    new TaperError("ERR_FILE", `${pathOf(name)} cannot be read: ${(error as Error).message}`, { cause: error });

  const isWithin = (path: string, folder: string | undefined): boolean =>
    folder !== undefined && path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
  /** In the cache of Hugging Face's hub, REPOSITORY/snapshots/REVISION links to REPOSITORY/blobs. */
  const blobsOf = (root: string): string | undefined => {
    const snapshots = dirname(root);
    return snapshots.endsWith(`${sep}snapshots`) ? join(dirname(snapshots), "blobs") : undefined;
  };

  /** Where a file really is, and its size; undefined if there is none. */
  const find = async (name: string): Promise<{ path: string; size: number } | undefined> => {
    try {
      const path = await realpath(pathOf(name));
      const root = await realpath(directory);
      if (!isWithin(path, root) && !isWithin(path, blobsOf(root))) {
        throw new TaperError(
          "ERR_FILE",
          `${pathOf(name)} is a link to ${path}, outside of the model's directory; nothing is read there. Copy the file.`,
        );
      }
      const status = await stat(path);
      if (!status.isFile()) throw new Error("expected a file, found something else");
      return { path, size: status.size };
    } catch (error) {
      if (error instanceof TaperError) throw error;
      if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
      throw unreadable(name, error);
    }
  };

  return {
    where: directory,
    pathOf,
    has: async (name) => (await find(name)) !== undefined,
    async absence() {
      const found = await stat(directory).catch(() => undefined);
      if (found?.isDirectory()) return `there is no such file in ${resolve(directory)}`;
      if (found !== undefined) return `${directory} is a file; give the directory of a model`;
      const hint = hubName.test(directory)
        ? `; if it is meant as a name on the Hugging Face hub, download it, or give its address, https://huggingface.co/${directory}/resolve/main`
        : "";
      return `there is no directory ${resolve(directory)}${hint}`;
    },
    async bytes(name, most) {
      const file = await find(name);
      if (file === undefined) return undefined;
      checkSize(file.size, most, pathOf(name));
      return readFile(file.path).catch((error) => {
        throw unreadable(name, error);
      });
    },
    async open(name) {
      const file = await find(name);
      return file && fileSource(file.path, pathOf(name));
    },
  };
}
