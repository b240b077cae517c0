/** The peers by name. Each is loaded when it is asked for and never before; one that is not installed says so instead of failing. */
import { jaxJs } from "./jax-js.ts";
import { onnxruntimeNode, onnxruntimeWeb } from "./onnxruntime.ts";
import type { AbsentPeer, Peer, PeerName } from "./peer.ts";
import { tfjsWasm } from "./tfjs-wasm.ts";

export type {
  AbsentPeer,
  BertSession,
  BertWeights,
  Dtype,
  Peer,
  PeerName,
  PeerOptions,
  Product,
  ProductSession,
  ReadTensor,
  TextPeer,
  TextSession,
} from "./peer.ts";
export { openTransformers, sameIds, textPeerName } from "./transformers.ts";

const openers: Readonly<Record<PeerName, () => Promise<Peer | AbsentPeer>>> = {
  "onnxruntime-node": onnxruntimeNode,
  "onnxruntime-web": onnxruntimeWeb,
  "tfjs-wasm": tfjsWasm,
  "jax-js": jaxJs,
};

export const peerNames = Object.keys(openers) as PeerName[];

/** Use `"absent" in peer` to tell the two apart. */
export function openPeer(name: PeerName): Promise<Peer | AbsentPeer> {
  return openers[name]();
}
