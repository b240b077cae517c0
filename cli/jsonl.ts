/**
 * `taperbert classify --jsonl`: a stream of lines through one model, or through one in each of several worker threads. Order is kept,
 * no more is read than is being answered, a slow reader slows it down, and an interrupt ends it after what was read is answered.
 */
import { macrotask } from "../engine/abort.ts";
import type { Io } from "./io.ts";
import type { AnsweredLines, NumberedLine } from "./jsonl-lines.ts";

/** Answers lines; several calls may be under way. */
export type AnswerLines = (lines: readonly NumberedLine[]) => Promise<AnsweredLines>;

/** Lines that go to a worker at once, at most: enough to share a forward. */
const chunkLines = 32;

/** The exit code of an interrupted command, as shells have it. */
const interruptedCode = 130;

/** Returns the exit code: 1 if a line has no answer but an error. `parallel` is how many calls of `answer` make sense at once. */
export async function streamLines(io: Io, answer: AnswerLines, parallel: number): Promise<number> {
  let interrupted = false;
  const lines = io.lines()[Symbol.asyncIterator]();
  const forget = io.onInterrupt(() => {
    interrupted = true;
    void lines.return?.();
  });
  /** The end of writing each chunk that is not written yet, the oldest first. */
  const under: Promise<void>[] = [];
  let written = Promise.resolve();
  const total = { lines: 0, errors: 0 };
  const write = async (answered: Promise<AnsweredLines>): Promise<void> => {
    const { lines, errors } = await answered;
    for (const line of lines) io.out(line);
    total.lines += lines.length;
    total.errors += errors;
    await io.drained();
  };
  try {
    for await (const chunk of chunksOf(lines, () => interrupted)) {
      const answers = answer(chunk);
      // Awaited in their turn; meanwhile an error is not lost, and no more lines are worth reading.
      answers.catch(() => void lines.return?.());
      const before = written;
      written = before.then(() => write(answers));
      written.catch(() => undefined);
      under.push(written);
      if (under.length >= 2 * parallel) await under.shift();
    }
    await written;
  } finally {
    forget();
    await lines.return?.();
  }
  if (total.errors > 0)
    io.err(`taperbert: ${total.errors} of ${total.lines} lines could not be answered; each says why`);
  return interrupted ? interruptedCode : total.errors > 0 ? 1 : 0;
}

/** What is there already, up to a limit: a slow writer's lines are answered one by one. */
async function* chunksOf(
  lines: AsyncIterator<string>,
  ended: () => boolean,
): AsyncGenerator<NumberedLine[], void, undefined> {
  let chunk: NumberedLine[] = [];
  let line = 0;
  for (let next = lines.next(); !ended(); next = lines.next()) {
    const isHere = next.then(
      () => true,
      () => true,
    );
    if (chunk.length > 0 && !(await Promise.race([isHere, macrotask().then(() => false)]))) {
      yield chunk;
      chunk = [];
    }
    const { done, value } = await next;
    if (done) break;
    chunk.push({ line: ++line, json: value });
    if (chunk.length === chunkLines) {
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}
