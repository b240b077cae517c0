/**
 * What a command speaks through: data to `out`, talk to `err`, texts from `lines`. Commands touch no stream themselves,
 * so that tests and pipes see the same.
 */
import { createInterface } from "node:readline";

export interface Io {
  /** Writes a line of data. */
  out(line: string): void;
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
    err: (line) => void stderr.write(`${line}\n`),
    lines: () => createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY }),
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

/** The version of every object that a command prints with --json. */
export const schemaVersion = 1;

/** Prints an object on a line of its own. */
export function printJson(io: Io, object: object): void {
  io.out(JSON.stringify({ schemaVersion, ...object }));
}
