// Under script-src 'self' 'wasm-unsafe-eval', with a worker of the application's own: the library does not start another in it.
const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
worker.onmessage = ({ data }) => {
  document.querySelector("#result").textContent = JSON.stringify(data, null, 2);
};
worker.postMessage("a gorgeous, witty, seductive movie");
