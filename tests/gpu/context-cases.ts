/** Cases that open, lose or break contexts of their own. */
import { gpu } from "../../gpu.ts";
import { ok, ramp, rejectsCode, throwsCode, upload } from "./checks.ts";
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
