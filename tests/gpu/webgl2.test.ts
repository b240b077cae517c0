/** The GPU backend in a real browser's WebGL2. */
import { reportChild } from "./child.ts";

await reportChild("webgl2", "browser.mjs", ["webgl2"]);
