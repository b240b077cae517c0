/**
 * A buffer of the wasm backend: an address, and a view of it that is made when somebody looks. All are of one class with plain fields, as every
 * operation reads several of them. It owns no memory: its backend gives and takes the room.
 */
import type { Handle } from "../../engine/backend.ts";
import type { WasmHandle } from "../assembler/machine.ts";

export type Cells = Float32Array | Int32Array;

/** Where buffers live. */
export interface Home {
  /** The memory as it is now, with nothing under way for kinds that operations write. Throws ERR_DISPOSED when it is gone. */
  memoryOf(kind: Handle["kind"]): WebAssembly.Memory;
}

export class WasmBuffer implements WasmHandle {
  readonly kind: Handle["kind"];
  readonly length: number;
  readonly address: number;
  readonly bytes: number;
  /** Undefined once it was released. */
  home: Home | undefined;
  private readonly born: Home;
  private cells: Cells | undefined;

  constructor(kind: Handle["kind"], length: number, address: number, bytes: number, home: Home) {
    this.kind = kind;
    this.length = length;
    this.address = address;
    this.bytes = bytes;
    this.home = home;
    this.born = home;
    this.cells = undefined;
  }

  get data(): Cells {
    const memory = this.born.memoryOf(this.kind);
    // Memory that grew has left an old view without length; what shared memory's old views show is still there.
    if (this.cells !== undefined && this.cells.length > 0) return this.cells;
    const cells = this.kind === "i32" ? this.view(memory, Int32Array) : this.view(memory, Float32Array);
    if (this.home !== undefined) this.cells = cells;
    return cells;
  }

  private view<T extends Cells>(
    { buffer }: WebAssembly.Memory,
    Type: new (buffer: ArrayBufferLike, at: number, length: number) => T,
  ): T {
    return new Type(buffer, this.address, this.bytes / 4);
  }

  /** It was released, or its memory goes: no view of it is kept. */
  leave(): void {
    this.home = undefined;
    this.cells = undefined;
  }
}
