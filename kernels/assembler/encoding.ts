/**
 * The bytes of WebAssembly: numbers in LEB128, names, vectors, sections and the codes of types.
 * This file knows nothing of functions or instructions; it checks no program.
 * Source: https://webassembly.github.io/spec/core/binary/
 */

export type ValueType = "i32" | "f32" | "v128";

/** The code of a value type in signatures and local declarations. */
export const typeCode: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };

/** The first eight bytes of every module: "\0asm" and version 1. */
export const preamble: readonly number[] = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** Section identifiers, in the order in which a module must hold them. */
export const sectionId = { type: 1, import: 2, function: 3, global: 6, export: 7, code: 10, data: 11 } as const;

/** Byte code as it is put together: bytes, and code within code. Nothing is flattened, so nothing is copied, until it is written. */
export type Code = readonly (number | Code)[];

/** Bytes in the order in which they are written, in an array that doubles. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written, until more is. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  push(...items: Code): void {
    this.write(items);
  }

  write(code: Code): void {
    // A loop by index: this is all that is called for every byte, and it runs before anything is compiled.
    for (let i = 0; i < code.length; i++) {
      const item = code[i];
      if (typeof item !== "number") this.write(item);
      else {
        if (this.#length === this.#bytes.length) this.#makeRoom(1);
        this.#bytes[this.#length++] = item;
      }
    }
  }

  writeBytes(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #makeRoom(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.bytes);
    this.#bytes = larger;
  }
}

/** An unsigned 32-bit integer in LEB128. */
export function unsigned(value: number): number[] {
  // Most are: locals, small offsets, counts.
  if (value >= 0 && value < 0x80) return [value];
  const bytes: number[] = [];
  let rest = value >>> 0;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return bytes;
}

/** A signed 32-bit integer in LEB128. */
export function signed(value: number): number[] {
  if (value >= 0 && value < 0x40) return [value];
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

// Four bytes seen as both types. Nothing is kept in them between calls.
const cell = new Float32Array(1);
const cellBits = new Int32Array(cell.buffer);

/** The bits of a float32, as an i32. */
export function floatBits(value: number): number {
  cell[0] = value;
  return cellBits[0];
}

/** The four little-endian bytes of a float32. */
export function float32(value: number): number[] {
  const bits = floatBits(value);
  return [bits, bits >> 8, bits >> 16, bits >> 24].map((byte) => byte & 0xff);
}

/** A vector: its length, then its items. */
export function vector(items: readonly (readonly number[])[]): number[] {
  return unsigned(items.length).concat(...items);
}

/** A string as its length in bytes and its UTF-8 bytes. */
export function text(value: string): number[] {
  const bytes = new TextEncoder().encode(value);
  return [...unsigned(bytes.length), ...bytes];
}

/** A section: identifier, length, content. Empty content gives no section at all. */
export function section(id: number, content: readonly number[]): number[] {
  return content.length === 0 ? [] : [id].concat(unsigned(content.length), content);
}
