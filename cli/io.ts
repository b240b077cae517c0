/**
 * What a command speaks through: data to `out`, talk to `err`, texts from `lines`. Commands touch no stream themselves,
 * so that tests and pipes see the same.
 */
import { createInterface } from "node:readline";

export interface Io {
  /** Writes a line of data. */
  out(line: string): void;
  /** Resolves when whoever reads the data has caught up. */
  drained(): Promise<void>;
  /** Calls `stop` at the first interrupt (SIGINT) instead of ending; returns what undoes it. A second interrupt ends the process. */
  onInterrupt(stop: () => void): () => void;
  /** Writes a line of talk. */
  err(line: string): void;
  /** The lines of the standard input. */
  lines(): AsyncIterable<string>;
  /** Whether a person is at the other end of the input. */
  readonly interactive: boolean;
  /** Columns to draw in. */
  readonly columns: number;
  /** Whether `out` may be coloured. */
  readonly colours: boolean;
  /** Whether progress may be drawn over itself on `err`. */
  readonly liveProgress: boolean;
  /** Draws progress on `err` over what was drawn before; nothing unless `liveProgress`. */
  progress(line: string): void;
  /** Print stacks with errors (DEBUG=taperbert). */
  readonly debug: boolean;
}

/** The streams of this process. A reader that goes away (`| head`) ends the process quietly. */
export function processIo(): Io {
  const { stdin, stdout, stderr, env } = process;
  for (const stream of [stdout, stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit(0);
    });
  }
  return {
    out: (line) => void stdout.write(`${line}\n`),
    drained: () =>
      stdout.writableNeedDrain ? new Promise((resolve) => stdout.once("drain", resolve)) : Promise.resolve(),
    onInterrupt: (stop) => {
      process.once("SIGINT", stop);
      return () => void process.off("SIGINT", stop);
    },
    err: (line) => void stderr.write(`${line}\n`),
    lines: () => linesOf(stdin),
    interactive: stdin.isTTY === true,
    columns: stdout.columns ?? 80,
    colours: stdout.isTTY === true && !env.NO_COLOR,
    liveProgress: stderr.isTTY === true,
    progress: (line) => {
      if (stderr.isTTY) stderr.write(`\r\u001b[K${line}`);
    },
    debug: (env.DEBUG ?? "").split(",").includes("taperbert"),
  };
}

/** The lines of a stream; who ends the iteration, even while a line is awaited, lets go of the stream, so that the process can end. */
function linesOf(input: NodeJS.ReadStream): AsyncIterable<string> {
  const reader = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const lines = reader[Symbol.asyncIterator]();
  const iterator: AsyncIterator<string> = {
    next: () => lines.next(),
    async return() {
      reader.close();
      await lines.return?.();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** The version of every object that a command prints with --json. */
export const schemaVersion = 1;

/** Prints an object on a line of its own. */
export function printJson(io: Io, object: object): void {
  io.out(JSON.stringify({ schemaVersion, ...object }));
}
