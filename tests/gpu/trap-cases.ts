/**
 * Traps of gpu.js that no other case would notice: it works, only slowly, or only here, or it fails where nobody tries.
 * traps.ts says which case stands for which trap.
 */
import { view } from "../../engine/view.ts";
import { equal, near, ok, rejectsCode, release, throwsCode, upload } from "./checks.ts";
import type { Setting } from "./kernel-cases.ts";
import { libraryKernels } from "./library-kernels.ts";
import { note } from "./runner.ts";

export const trapCases: [name: string, run: (setting: Setting) => Promise<void>][] = [
  [
    "every shader computes in 32 bits",
    async ({ open, mode, watch }) => {
      // gpu.js tries a context's abilities with shaders of its own, at its first use in a page; that is over.
      const sources = await watch.shadersOf(async () => (await open()).dispose());
      ok(sources.length >= 4, `the self-test compiled ${sources.length} shaders`);
      for (const source of sources) {
        const low = /\b(lowp|mediump|f16)\b/.exec(source);
        ok(low === null, `a shader declares ${low?.[0]}: ${source.slice(0, 200)}`);
        if (mode === "webgpu") continue;
        for (const type of ["float", "int", "sampler2D"]) {
          ok(source.includes(`precision highp ${type};`), `a shader does not declare ${type} as highp`);
        }
      }
    },
  ],
  [
    "weights are uploaded once: operations on what is there copy next to nothing",
    async ({ open, load, watch }) => {
      const model = await load(await open());
      const ids = [[101, 2023, 2003, 2204, 102]];
      await model.forward(ids);
      const before = watch.uploaded();
      await model.forward(ids);
      const bytes = watch.uploaded() - before;
      note(`bytes uploaded by a forward of ${ids[0].length} tokens: ${bytes}`);
      // Integers by row, tables made of them, and the few numbers that each launch takes.
      ok(bytes < 64e3, `a forward uploads ${bytes} bytes`);
      await model.dispose();
    },
  ],
  [
    "gpu.js never computes on the CPU",
    async ({ open, mode }) => {
      const { onCpu, ofMode } = libraryKernels(mode);
      const backend = await open();
      const [x, out] = [upload(backend, [1, 1], [1, 2]), backend.allocate(2)];
      const built = ofMode.built();
      backend.op("add", { out, a: x, b: x, length: 2 });
      near((await backend.read(out))[1], 2, 0, "1 + 1");
      equal(ofMode.built() - built, 1, `kernels that gpu.js built for ${mode}`);
      equal(onCpu.built(), 0, "kernels that gpu.js built for the CPU, in all of this run");
      release(backend, x, out);
      backend.dispose();
    },
  ],
];

export const webGl2TrapCases: typeof trapCases = [
  [
    "where gpu.js would take the CPU instead, there is an error and no result",
    async ({ open, mode }) => {
      const backend = await open();
      const x = backend.upload(view(Float32Array.of(1, 2), [1, 2]));
      const out = backend.allocate(2);
      const restore = libraryKernels(mode).ofMode.refuse("this test says so");
      try {
        const error = throwsCode(() => backend.op("add", { out, a: x, b: x, length: 2 }), "ERR_BACKEND");
        ok(error.message.includes('as gpu.js\'s "cpu" instead of webgl2'), error.message);
      } finally {
        restore();
      }
      backend.dispose();
      await rejectsCode(() => backend.read(out), "ERR_DISPOSED");
    },
  ],
];
