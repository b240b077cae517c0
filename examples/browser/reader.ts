/** The page's side of a worker: it starts one, hands it texts and passes on what it says. It draws nothing. */
import type { Dials } from "../../index.ts";
import type { BackendChoice, Reply, Request } from "./protocol.ts";

export interface Reader {
  /** Asks for a text to be read; the number tells its replies from older ones. */
  read(text: string, dials: Dials): number;
  /** Ends the worker, and with it its model and its GPU context. */
  close(): void;
}

export function openReader(choice: BackendChoice, hear: (reply: Reply) => void): Reader {
  const script = choice === "wasm" ? "wasm-worker.js" : `gpu-worker.js?mode=${choice}`;
  const worker = new Worker(script, { type: "module" });
  let open = true;
  worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
    if (open) hear(data);
  });
  worker.addEventListener("error", ({ message }) => {
    if (open) hear({ kind: "failed", message: message || "the worker could not be started" });
  });
  let last = 0;
  return {
    read(text, dials) {
      const request: Request = { id: ++last, text, dials };
      worker.postMessage(request);
      return last;
    },
    close() {
      // What it said before may still be under way.
      open = false;
      worker.terminate();
    },
  };
}

/** Why a backend cannot run in this browser, as far as can be said without starting it. */
export async function reasonAgainst(choice: BackendChoice): Promise<string | undefined> {
  if (choice === "webgl2") {
    const context = new OffscreenCanvas(1, 1).getContext("webgl2");
    context?.getExtension("WEBGL_lose_context")?.loseContext();
    return context ? undefined : "this browser gives no WebGL2 context on this machine";
  }
  if (choice === "webgpu") {
    if (!("gpu" in navigator)) return "this browser has no WebGPU, or not on this machine";
    const adapter = await navigator.gpu.requestAdapter().catch(() => null);
    return adapter ? undefined : "this browser has WebGPU, but finds no adapter for it";
  }
  return undefined;
}
