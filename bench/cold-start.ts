/** From nothing to the first answer, in fresh processes: what a user waits for who runs one text. */
import { MeasuredProcess, type Task } from "./measured-process.ts";
import { median } from "./statistics.ts";

export interface ColdStart {
  /** Fresh processes; the figures are medians over them. */
  readonly processes: number;
  /** From starting the process to its first answer. */
  readonly coldMs: number;
  /** Of it: importing the package, loading the model, the first text. */
  readonly importMs: number;
  readonly loadMs: number;
  readonly firstMs: number;
  /** The same text once the engine has settled: median of the last half of its repetitions. */
  readonly steadyMs: number;
  /** The most memory a process had. */
  readonly peakBytes: number;
}

/** Repetitions of the text after the first: so many, or for so long. */
const steadyRounds = 40;
const steadyMilliseconds = 2000;

/** `task` has one text and one way. */
export async function coldStart(task: Task, processes: number): Promise<ColdStart> {
  const all: Omit<ColdStart, "processes">[] = [];
  for (let i = 0; i < processes; i++) {
    const start = performance.now();
    const child = await MeasuredProcess.start("cold start", task);
    try {
      const first = total((await child.round()).ways);
      const coldMs = performance.now() - start;
      const later: number[] = [];
      let peakBytes = 0;
      const until = performance.now() + steadyMilliseconds;
      while (later.length < 3 || (later.length < steadyRounds && performance.now() < until)) {
        const result = await child.round();
        later.push(total(result.ways));
        peakBytes = result.peakBytes;
      }
      const { importMs, loadMs } = child.opened;
      const steadyMs = median(later.slice(Math.floor(later.length / 2)));
      all.push({ coldMs, importMs, loadMs, firstMs: first, steadyMs, peakBytes });
    } finally {
      await child.stop();
    }
  }
  const middle = (name: keyof (typeof all)[number]): number => median(all.map((figures) => figures[name]));
  return {
    processes,
    coldMs: middle("coldMs"),
    importMs: middle("importMs"),
    loadMs: middle("loadMs"),
    firstMs: middle("firstMs"),
    steadyMs: middle("steadyMs"),
    peakBytes: Math.max(...all.map(({ peakBytes }) => peakBytes)),
  };
}

function total(ways: Awaited<ReturnType<MeasuredProcess["round"]>>["ways"]): number {
  return Object.values(ways).reduce((sum, { tokeniseMs, forwardMs }) => sum + tokeniseMs + forwardMs, 0);
}
