/** Cases that open, lose or break contexts of their own. */
import { gpu } from "../../gpu.ts";
import { equal, ok, ramp, rejectsCode, same, throwsCode, upload } from "./checks.ts";
import type { Setting } from "./kernel-cases.ts";

type ContextCase = [name: string, run: (setting: Setting) => Promise<void>];

export const contextCases: ContextCase[] = [
  [
    "a lost context is an error, never zeros",
    async ({ open, watch }) => {
      const backend = await open();
      const [x, out] = [upload(backend, ramp(4), [2, 2]), backend.allocate(4)];
      await backend.read(x);
      const pending = rejectsCode(() => backend.read(x), "ERR_BACKEND");
      watch.lose();
      await pending;
      await rejectsCode(() => backend.read(x), "ERR_BACKEND");
      throwsCode(() => backend.op("softmax", { out, x, n: 2, m: 2 }), "ERR_BACKEND");
      throwsCode(() => backend.allocate(1), "ERR_BACKEND");
      backend.dispose();
      throwsCode(() => backend.allocate(1), "ERR_DISPOSED");
    },
  ],
  [
    "backends that are disposed give everything back: twenty, one after the other",
    async ({ open, watch }) => {
      const first = await open();
      const kept = upload(first, [1, 2], [1, 2]);
      await first.read(kept);
      const before = watch.memory();
      for (let i = 0; i < 20; i++) {
        const backend = await open();
        upload(backend, [1, 2], [1, 2]);
        backend.dispose();
      }
      same(await first.read(kept), [1, 2], "the first backend's values");
      equal(watch.memory(), before, "arrays alive");
      first.dispose();
    },
  ],
];

export const webGl2ContextCases: ContextCase[] = [
  [
    "a driver that answers zeros does not pass the self-test",
    async () => {
      const { getBufferSubData } = WebGL2RenderingContext.prototype;
      WebGL2RenderingContext.prototype.getBufferSubData = () => {};
      try {
        const error = await rejectsCode(() => gpu({ mode: "webgl2" }), "ERR_GPU_UNAVAILABLE");
        ok(error.message.includes("self-test of matmul failed"), error.message);
      } finally {
        WebGL2RenderingContext.prototype.getBufferSubData = getBufferSubData;
      }
    },
  ],
];
