/** The GPU backend in a real browser's WebGPU. */
import { reportChild } from "./child.ts";

await reportChild("webgpu", "browser.mjs", ["webgpu"]);
