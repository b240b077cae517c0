/** Runs a command in this process, as the bin would, and keeps what it says. */
import type { Io } from "../../cli/io.ts";
import { main } from "../../cli/main.ts";

export interface Ran {
  readonly code: number;
  readonly out: string[];
  readonly err: string[];
}

export async function run(argv: readonly string[], changes: Partial<Io> = {}): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const io: Io = {
    out: (line) => void out.push(line),
    drained: async () => undefined,
    onInterrupt: () => () => undefined,
    err: (line) => void err.push(line),
    lines: () => linesOf([]),
    interactive: false,
    columns: 80,
    colours: false,
    liveProgress: false,
    progress: () => undefined,
    debug: false,
    ...changes,
  };
  return { code: await main(argv, io), out, err };
}

export async function* linesOf(lines: readonly string[]): AsyncIterable<string> {
  yield* lines;
}

/** Each line of data as the JSON object that it must be. */
export function objects(ran: Ran): Record<string, unknown>[] {
  return ran.out.map((line) => JSON.parse(line) as Record<string, unknown>);
}
