/** Every WebAssembly form over shared memory, on one thread and on three, in each variant; and the same bits for any number of threads. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { threadedWasmBackend, type WasmBackend } from "../../kernels/backends/wasm.ts";
import { inferenceContracts, trainingContracts } from "../../kernels/index.ts";
import { makeCase, plans, waysToCall } from "./cases.ts";
import { testBackend } from "./generic.ts";
import { describeCase, run, sameBits } from "./run.ts";
import { acceptedVariants } from "./wasm-variants.ts";

const kernels = [...inferenceContracts, ...trainingContracts].map(({ name }) => name);
// Workers that sleep are woken at once: these operations are too small for it to pay.
const start = (threads: number, variant = acceptedVariants[0]) => threadedWasmBackend({ threads, variant, aloneMs: 0 });

for (const variant of acceptedVariants) {
  for (const threads of [1, 3]) {
    const name = `wasm, ${variant}, shared memory, ${threads} threads`;
    testBackend(name, () => start(threads, variant), { kernels, randomCases: 10 });
  }
}

const backends: WasmBackend[] = [];
beforeAll(async () => {
  for (const threads of [1, 2, 3, 4]) backends.push(await start(threads));
});
afterAll(() => {
  for (const backend of backends) backend.dispose();
});

test.each(inferenceContracts.map(({ name }) => name))(
  "%s gives the same bits on 1, 2, 3 and 4 threads",
  async (name) => {
    for (const [i, shape] of plans[name].shapes.entries()) {
      const given = makeCase(name, shape, i % waysToCall(name).length, i);
      const [one, ...others] = await Promise.all(backends.map((backend) => run(backend, given)));
      for (const [o, other] of others.entries()) {
        for (const [key, values] of Object.entries(other)) {
          if (!sameBits(values, one[key])) expect.fail(`${describeCase(given)}: ${key} on ${o + 2} threads`);
        }
      }
    }
  },
);
