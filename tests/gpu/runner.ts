/**
 * Just enough of vitest's interface to run the generic kernel test inside a browser page, where vitest is not: tests are
 * collected, then run one after the other. The bundle of the page takes this file for "vitest".
 */
export interface Result {
  name: string;
  ms: number;
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
  run(): Promise<Result[]>;
}

/** Hooks run where they stand in the order of tests: `afterAll` at its suite's end. A failed hook is a failed test. */
export function createRunner(): Runner {
  const steps: Step[] = [];
  const path: string[] = [];
  const endings: Run[][] = [[]];
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
    async run() {
      const results: Result[] = [];
      for (const { name, run } of steps) {
        const began = performance.now();
        const ms = () => Math.round(performance.now() - began);
        try {
          await run();
          if (name !== undefined) results.push({ name, ms: ms() });
        } catch (error) {
          const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
          results.push({ name: name ?? "a hook", ms: ms(), error: message });
        }
        // Progress, for whoever waits on a hang; standard output belongs to the results.
        console.warn(`${ms()} ms: ${name ?? "a hook"} ${results.at(-1)?.error ?? ""}`);
      }
      return results;
    },
  };
}

export const runner = createRunner();
export const { beforeAll, afterAll } = runner;
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
