// kernels.wasm is what `taperbert emit-wasm` wrote. One worker could serve any number of pages and workers.
postMessage(await WebAssembly.compileStreaming(fetch(new URL("./kernels.wasm", import.meta.url))));
