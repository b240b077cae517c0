/** The worker that computes in WebAssembly. Its Content-Security-Policy allows compiling that, and no code from strings. */
import { work } from "./work.ts";

work(async () => ({ backend: "wasm" }));
