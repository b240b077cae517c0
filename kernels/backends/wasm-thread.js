/**
 * A worker thread of the wasm backend: runs the module that it is sent, over the memory that it is sent, until it is told to stop.
 * Plain JavaScript without imports, so that Node, browsers and bundlers start this very file, from the sources as from a build.
 */
const node = globalThis.process?.versions?.node !== undefined;
const port = node ? process.getBuiltinModule("node:worker_threads").parentPort : globalThis;

port.onmessage = ({ data: { module, env, ended } }) => {
  const { work } = new WebAssembly.Instance(module, { env }).exports;
  port.postMessage("ready");
  try {
    work();
  } catch (error) {
    // The caller may be waiting for this thread's chunk, deaf to events.
    Atomics.add(new Int32Array(env.memory.buffer), ended / 4, 1);
    throw error;
  }
  port.close();
};
