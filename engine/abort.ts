/** Cancellation by `AbortSignal`: whatever computes gives other tasks a turn now and then, one of which may be the abort. */
import { show, TaperError } from "./errors.ts";

/** Throws ERR_OPTION if this is neither a signal nor nothing, and the signal's reason if it is aborted already. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (!(signal instanceof AbortSignal)) {
    throw new TaperError("ERR_OPTION", `signal: expected an AbortSignal, found ${show(signal)}.`);
  }
  signal.throwIfAborted();
}

/** Gives waiting tasks a turn, then throws the signal's reason if it is aborted. */
export async function breathe(signal: AbortSignal): Promise<void> {
  await macrotask();
  signal.throwIfAborted();
}

/** Resolves after the tasks that wait now: timers that are due, input and output, events. */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") {
      setImmediate(resolve);
      return;
    }
    // A timer would cost 4 ms a turn in browsers; a message does not.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** The promise, or the signal's reason as soon as it is aborted; the work itself ends when it next looks at the signal. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const ended = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true, signal: ended.signal });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    ended.abort();
  }
}
