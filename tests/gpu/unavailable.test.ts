/** Where there is no WebGL2, as in Node, the GPU backend says why. */
import { expect, it } from "vitest";
import { type GpuMode, gpu } from "../../gpu.ts";

it("says that Node has no WebGL2", async () => {
  await expect(gpu()).rejects.toMatchObject({
    name: "TaperError",
    code: "ERR_GPU_UNAVAILABLE",
    message: expect.stringMatching(/webgl2.*Node has none/),
  });
});

it("gives the reason of each mode that was asked for", async () => {
  await expect(gpu({ mode: ["webgpu", "webgl2"] })).rejects.toMatchObject({
    code: "ERR_GPU_UNAVAILABLE",
    message: expect.stringMatching(
      /"webgpu": there is no navigator\.gpu here.*; gpu mode "webgl2": there is no canvas/,
    ),
  });
  await expect(gpu({ mode: [] })).rejects.toMatchObject({ code: "ERR_OPTION" });
});

it("refuses a mode it does not know, and names the nearest", async () => {
  await expect(gpu({ mode: "webgl" as GpuMode })).rejects.toMatchObject({
    code: "ERR_OPTION",
    message: expect.stringContaining('did you mean "webgl2"?'),
  });
});

it("refuses an option it does not know", async () => {
  await expect(gpu({ mod: "webgl2" } as object)).rejects.toMatchObject({
    code: "ERR_OPTION",
    message: expect.stringContaining('did you mean "mode"?'),
  });
});
