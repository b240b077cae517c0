/**
 * The wasm backend's intake (engine/backend.ts): files are read into WebAssembly memory, where 16-bit values are widened and weights
 * packed in place. It takes buffers and fills none: who reads what from where is not its affair.
 */
import type { Handle, Intake } from "../../engine/backend.ts";
import { bfloatsToFloats, halvesToFloats } from "../../engine/half.ts";
import type { Heap } from "../assembler/heap.ts";
import type { Machine } from "../assembler/machine.ts";
import { packedLayout } from "../assembler/packed.ts";
import { packRows } from "../matmul/wasm.ts";
import type { WasmBuffer } from "./wasm-buffer.ts";

/** A new buffer of the backend, 4 bytes a value unless said; its contents are whatever was there unless `zeroed`. */
export type Keep = (kind: Handle["kind"], length: number, zeroed?: boolean, bytes?: number) => WasmBuffer;

interface Engine {
  readonly memory: WebAssembly.Memory;
  readonly heap: Heap;
  readonly machine: Machine;
}

const vectorValues = 4;
const pieceValues = 16_384;

export function intakeOn(engine: () => Engine, keep: Keep): Intake<WasmBuffer> {
  const lengthOf = (m: number, k: number, packed: boolean): number =>
    packed ? packedLayout(k, m, engine().machine.panelWidth).length : m * k;
  const panelBytes = (k: number): number => 4 * engine().machine.panelWidth * k;
  return {
    reserve(buffers) {
      const { heap, machine } = engine();
      // What packing works in, too: it begins while other buffers are still being read.
      const ofPacked = buffers.filter(({ packed }) => packed);
      const inBlocks = ofPacked.filter(({ m, k }) => packedLayout(k, m, machine.panelWidth).blocks > 1);
      machine.workspace(panelBytes(Math.max(0, ...ofPacked.map(({ k }) => k))));
      const aside = Math.max(0, ...inBlocks.map(({ m, k }) => 4 * m * k));
      heap.reserve([...buffers.map(({ m, k, packed }) => 4 * lengthOf(m, k, packed)), aside]);
    },
    take: (m, k, packed) => keep(packed ? "packed" : "f32", lengthOf(m, k, packed)),
    bytes: (handle, first, count) => new Uint8Array(engine().memory.buffer, handle.address + 4 * first, 4 * count),
    widen(handle, first, count, from) {
      const { memory, machine } = engine();
      const to = handle.address + 4 * first;
      const source = to + 2 * count;
      const whole = count - (count % vectorValues);
      const rest = new Uint16Array(memory.buffer, source + 2 * whole, count - whole);
      const last = from === "F16" ? halvesToFloats(rest) : bfloatsToFloats(rest);
      const widen = machine.call[from === "F16" ? "widenF16" : "widenBF16"];
      // In pieces: a function is compiled well between calls, never within one.
      for (let done = 0; done < whole; done += pieceValues) {
        widen(to + 4 * done, source + 2 * done, Math.min(pieceValues, whole - done));
      }
      new Float32Array(memory.buffer, to + 4 * whole, last.length).set(last);
    },
    pack(handle, m, k) {
      const { memory, machine, heap } = engine();
      const { panelWidth: width } = machine;
      const layout = packedLayout(k, m, width);
      if (layout.blocks > 1) {
        // Every row goes to every block.
        const aside = heap.take(4 * m * k);
        const here = new Uint8Array(memory.buffer);
        here.copyWithin(aside, handle.address, handle.address + 4 * m * k);
        if (m % width > 0) here.fill(0, handle.address, handle.address + 4 * layout.length);
        packRows(machine, handle.address, aside, 4 * k, k, m);
        heap.give(aside, 4 * m * k);
        return;
      }
      // A panel takes the very bytes that its columns took as rows; only the last may be padded.
      const aside = machine.workspace(panelBytes(k));
      const bytes = new Uint8Array(memory.buffer);
      for (let column = 0; column < m; column += width) {
        const panel = handle.address + 4 * column * k;
        const taken = Math.min(width, m - column);
        bytes.copyWithin(aside, panel, panel + 4 * taken * k);
        if (taken < width) bytes.fill(0, panel, panel + panelBytes(k));
        machine.call.packTransposed(panel, layout.panelBytes, aside, 4 * k, k, taken);
      }
    },
  };
}
