/**
 * Threads within an operation: the loops by which the caller and its workers share the chunks of a task, as functions of the module.
 * A job is a task's number and arguments in the control block, and a count of chunks that everybody takes from until it is used up: a
 * share of what is left at a time, so that chunks are taken many at once first, when they cost least, and one by one last, when
 * nobody should have to wait for another.
 *
 * The count alone says whether chunks were got: a worker that comes late finds nothing left and reads nothing else, and nobody may
 * change the job before all chunks that were got are done. So a job needs no lock.
 * Idea: guided self-scheduling (Polychronopoulos and Kuck), https://doi.org/10.1109/TC.1987.5009495
 *
 * Workers look for a job for a while, then sleep. Waking takes tens of microseconds of whoever does it, so the caller wakes one worker
 * at most, and workers wake each other. The loop of a worker never returns while it lives, and V8 does not replace code that is
 * running: it calls everything that is worth optimising.
 * Nothing here starts a thread; kernels/backends/wasm-workers.ts does.
 */
import { atomic } from "./atomics.ts";
import type { FunctionBuilder, Local } from "./function.ts";
import type { ModuleBuilder, Task } from "./module.ts";
import { i32 } from "./values.ts";

/** Bytes to a line that no two processors' caches write at once, with the neighbour that is fetched along. */
const line = 128;

/** Byte offsets in the control block. Words that different threads write have lines of their own. */
export const control = {
  /** Chunks that nobody has taken yet; below 1: none. */
  left: 0,
  /** Chunks that are done. */
  done: line,
  /** Counts jobs and orders to stop; sleepers wait for it to change. */
  epoch: 2 * line,
  sleepers: 3 * line,
  /** Not 0: workers shall return. */
  stop: 4 * line,
  /** How many workers have ended by themselves, which none should. */
  ended: 5 * line,
  /** Who takes chunks takes what is left divided by this, rounded up. Set once, before the first job. */
  shares: 5 * line + 4,
  /** The job: number of the task, chunks, then its arguments. */
  task: 6 * line,
  chunks: 6 * line + 4,
  arguments: 6 * line + 8,
} as const;

/** Arguments that a task may have besides `first` and `last`. */
export const mostArguments = 30;
export const controlBytes = 7 * line;

/** Looks for a job, after the last one is done, before a worker falls asleep: about 0.2 ms, a few times what waking costs. */
const workerPatience = 20_000;
/** Looks for the last chunks before the caller, who waits for them, turns to something that leaves the processor to others. */
const callerPatience = 1_000_000;

/**
 * Adds `offer(first, wakes)`, which gives the chunks of the job from `first` on to the workers that are awake, after waking `wakes` of the
 * others; `finish()`, which does chunks together with them and waits for the last ones, though not for ever: see `done`. And `work()`,
 * which is a worker's life. `address` is the control block's.
 */
export function defineThreads(module: ModuleBuilder, address: number): void {
  const at = (word: keyof typeof control) => address + control[word];
  const { tasks } = module;
  const refused = tasks.find(({ ref }) => ref.parameters.length > mostArguments + 2);
  if (refused) throw new RangeError(`task ${refused.name} has more than ${mostArguments} arguments`);

  const run = module.function(undefined, ["task", "first", "last"], (f, task, first, last) =>
    choose(f, task, tasks, 0, ({ ref }) => {
      const passed = ref.parameters.slice(2).map((_, i) => i32.load(at("arguments"), 4 * i));
      f.call(ref, ...passed, first, last);
    }),
  );

  const help = module.function(undefined, [], (f) => {
    const [left, taken, found, first] = [f.i32(), f.i32(), f.i32(), f.i32()];
    f.setInt(left, atomic.load(at("left")));
    f.while(i32.gtS(left, 0), () => {
      f.setInt(taken, i32.divU(i32.add(left, i32.sub(i32.load(at("shares")), 1)), i32.load(at("shares"))));
      f.setInt(found, atomic.compareExchange(at("left"), left, i32.sub(left, taken)));
      f.if(
        i32.eq(found, left),
        () => {
          f.setInt(first, i32.sub(i32.load(at("chunks")), left));
          f.call(run, i32.load(at("task")), first, i32.add(first, taken));
          f.drop(atomic.add(at("done"), taken));
          f.setInt(left, atomic.load(at("left")));
        },
        () => f.setInt(left, found),
      );
    });
  });

  const isMissing = i32.ne(atomic.load(at("done")), atomic.load(at("chunks")));
  module.function("offer", ["first", "wakes"], (f, first, wakes) => {
    f.drop(atomic.exchange(at("done"), first));
    f.drop(atomic.exchange(at("left"), i32.sub(i32.load(at("chunks")), first)));
    f.drop(atomic.add(at("epoch"), 1));
    f.if(wakes, () => f.drop(atomic.notify(at("epoch"), wakes)));
  });
  module.function("finish", [], (f) => {
    f.call(help);
    const looks = f.i32(callerPatience);
    f.while(i32.and(isMissing, i32.ne(looks, 0)), () => f.advance(looks, -1));
  });

  module.function("work", [], (f) => {
    const seen = f.i32();
    const looks = f.i32();
    const isIdle = i32.and(i32.ltS(atomic.load(at("left")), 1), i32.eqz(atomic.load(at("stop"))));
    f.while(i32.eqz(atomic.load(at("stop"))), () => {
      f.setInt(seen, atomic.load(at("epoch")));
      f.setInt(looks, workerPatience);
      // Nobody sleeps while others still do their chunks, however long: the next job follows at once.
      f.while(i32.and(isIdle, i32.ne(looks, 0)), () =>
        f.setInt(looks, i32.select(isMissing, workerPatience, i32.sub(looks, 1))),
      );
      f.if(
        looks,
        () => {
          f.if(atomic.load(at("sleepers")), () => f.drop(atomic.notify(at("epoch"), 1)));
          f.call(help);
        },
        () => {
          f.drop(atomic.add(at("sleepers"), 1));
          f.drop(atomic.wait(at("epoch"), seen));
          f.drop(atomic.add(at("sleepers"), -1));
        },
      );
    });
  });
}

/** Finds the task of a number by halving; `first` is the number of the first in the list. */
function choose(
  f: FunctionBuilder,
  number: Local<"i32">,
  tasks: readonly Task[],
  first: number,
  use: (task: Task) => void,
): void {
  if (tasks.length < 2) {
    for (const task of tasks) use(task);
    return;
  }
  const middle = tasks.length >> 1;
  f.if(
    i32.ltU(number, first + middle),
    () => choose(f, number, tasks.slice(0, middle), first, use),
    () => choose(f, number, tasks.slice(middle), first + middle, use),
  );
}
