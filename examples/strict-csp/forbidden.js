// Under script-src 'self' alone Chromium compiles no WebAssembly on this page, neither from bytes nor from a response; `?module` or not.
// It does run a module that was compiled where that is allowed: in a worker whose own response has a policy with 'wasm-unsafe-eval'.
// Without one the library computes in plain JavaScript, more slowly, and `info` says why.
import { pipeline } from "taperbert";

const compiled = () =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./compile.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = reject;
  });

const wasmModule = location.search === "?module" ? await compiled() : undefined;
const classify = await pipeline("text-classification", "/sst2-12x128/", { worker: false, wasmModule });
const began = performance.now();
const [{ label, score }] = await classify("a gorgeous, witty, seductive movie");
const found = { label, score, ms: performance.now() - began, ...classify.info };
document.querySelector("#result").textContent = JSON.stringify(found, null, 2);
