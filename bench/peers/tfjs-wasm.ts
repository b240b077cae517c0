import { locate } from "./locate.ts";
import type { AbsentPeer, Peer } from "./peer.ts";
export async function tfjsWasm(): Promise<Peer | AbsentPeer> {
  const name = "tfjs-wasm";
  const found = locate("@tensorflow/tfjs-backend-wasm");
  if ("absent" in found) return { name, absent: found.absent };
  return { name, absent: "" };
}
