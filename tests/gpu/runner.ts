/**
 * Just enough of vitest's interface to run the generic kernel test inside a browser page, where vitest is not: tests are
 * collected, then run one after the other. The bundle of the page takes this file for "vitest".
 */
export interface Result {
  name: string;
  ms: number;
  /** Figures that are reported beside the verdict. */
  notes: string[];
  error?: string;
}
type Run = () => void | Promise<void>;
interface Step {
  /** Of a test; a hook has none. */
  name?: string;
  run: Run;
}

export interface Runner {
  describe(name: string, body: () => void): void;
  test(name: string, run: Run): void;
  beforeAll(run: Run): void;
  afterAll(run: Run): void;
  /** A figure of the test that is running. */
  note(text: string): void;
  /** Runs the tests whose name has `only` in it. */
  run(only?: string): Promise<Result[]>;
}

/** Hooks run where they stand in the order of tests: `afterAll` at its suite's end. A failed hook is a failed test. */
export function createRunner(): Runner {
  const steps: Step[] = [];
  const path: string[] = [];
  const endings: Run[][] = [[]];
  let notes: string[] = [];
  return {
    describe(name, body) {
      path.push(name);
      endings.push([]);
      body();
      for (const run of endings.pop() ?? []) steps.push({ run });
      path.pop();
    },
    test(name, run) {
      steps.push({ name: [...path, name].join(" > "), run });
    },
    beforeAll(run) {
      steps.push({ run });
    },
    afterAll(run) {
      endings.at(-1)?.push(run);
    },
    note(text) {
      notes.push(text);
    },
    async run(only = "") {
      const results: Result[] = [];
      for (const { name, run } of steps) {
        if (name !== undefined && !name.includes(only)) continue;
        notes = [];
        const began = performance.now();
        const ms = () => Math.round(performance.now() - began);
        try {
          await run();
          if (name !== undefined) results.push({ name, ms: ms(), notes });
        } catch (error) {
          const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
          results.push({ name: name ?? "a hook", ms: ms(), notes, error: message });
        }
        // Progress, for whoever waits on a hang; standard output belongs to the results.
        console.warn([`${ms()} ms: ${name ?? "a hook"} ${results.at(-1)?.error ?? ""}`, ...notes].join("\n  "));
      }
      return results;
    },
  };
}

export const runner = createRunner();
export const { beforeAll, afterAll, note } = runner;
export const describe = Object.assign(runner.describe, {
  each: (items: readonly string[]) => (title: string, body: (item: string) => void) => {
    for (const item of items) runner.describe(title.replace("%s", item), () => body(item));
  },
});
export const test = Object.assign(runner.test, {
  runIf: (condition: boolean) => (condition ? runner.test : () => {}),
});
export const expect = {
  fail(message: string): never {
    throw new Error(message);
  },
};
