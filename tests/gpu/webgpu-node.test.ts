/** The GPU backend in Node, on npm's `webgpu`, which is a package of its own: npm --prefix tests/gpu/node ci */
import { reportChild } from "./child.ts";

await reportChild("webgpu-node", "node.mjs", []);
