/**
 * A WebAssembly module under construction: one imported memory, functions of i32 parameters, float constants in memory.
 * Imports: `env.memory`, and of each instance's own the immutable `env.scratch`, the address of memory that only it uses, and
 * `env.thread`, its number.
 * It holds no state after `encode()` and instantiates nothing.
 */

import {
  ByteWriter,
  floatBits,
  preamble,
  section,
  sectionId,
  signed,
  text,
  typeCode,
  unsigned,
  vector,
} from "./encoding.ts";
import { FunctionBuilder, type FunctionRef, type Local } from "./function.ts";
import { type Expr, i32, type Vec, v128 } from "./values.ts";

/** Where constants lie: [constantBase, constantEnd) of the memory belongs to the module. */
export const constantBase = 1024;
export const constantEnd = 4096;

/** What `tail` takes of an instance's scratch memory. */
export const tailBytes = 64;

export interface MemoryImport {
  readonly initialPages: number;
  /** Required by shared memory. */
  readonly maximumPages?: number;
  readonly shared?: boolean;
}

/** A function whose chunks threads may share, under the name that `Machine.run` calls it by. */
export interface Task {
  readonly name: string;
  readonly ref: FunctionRef;
}

type Parameters<Names extends readonly string[]> = { readonly [I in keyof Names]: Local<"i32"> };

export class ModuleBuilder {
  readonly #memory: MemoryImport;
  readonly #functions: { builder: FunctionBuilder; parameters: number }[] = [];
  readonly #exports: { name: string; index: number; parameters: readonly string[] }[] = [];
  readonly #constants: number[] = [];
  readonly #tasks: Task[] = [];

  /** 16 bytes of this instance's own, for the last vector of a row. */
  readonly tail: Expr<"i32"> = { type: "i32", code: [0x23, 0] };
  /** The address of more memory that is this instance's own. */
  readonly scratch: Expr<"i32"> = i32.add(this.tail, tailBytes);
  /** The number of the thread that runs this instance, from 0. */
  readonly thread: Expr<"i32"> = { type: "i32", code: [0x23, 1] };
  /** Four lanes of ones, then four of zeros: read r bytes before the middle, it is the mask of the first r bytes. */
  readonly laneMasks: number;
  /** Zeros, as many as any tile reads of a missing bias. */
  readonly zeros: number;

  constructor(memory: MemoryImport) {
    this.#memory = memory;
    this.laneMasks = this.#place([-1, -1, -1, -1, 0, 0, 0, 0]);
    this.zeros = this.#place(new Array<number>(64).fill(0));
  }

  /**
   * Adds a function with i32 parameters of the given names and no result; `body` writes it.
   * A function whose `name` is given is exported.
   */
  function<const Names extends readonly string[]>(
    name: string | undefined,
    parameters: Names,
    body: (f: FunctionBuilder, ...parameters: Parameters<Names>) => void,
  ): FunctionRef {
    const builder = new FunctionBuilder(parameters.length);
    const index = this.#functions.length;
    this.#functions.push({ builder, parameters: parameters.length });
    if (name !== undefined) this.#exports.push({ name, index, parameters });
    const locals = parameters.map((_, i) => ({ type: "i32" as const, index: i, code: [0x20, unsigned(i)] }));
    body(builder, ...(locals as unknown as Parameters<Names>));
    return { index, parameters };
  }

  /** The exported function of that name, for others to call. Throws RangeError if there is none yet. */
  named(name: string): FunctionRef {
    const known = this.#exports.find((exported) => exported.name === name);
    if (!known) throw new RangeError(`no function is called "${name}" yet; define it first`);
    return known;
  }

  /**
   * A function whose work can be shared: its last two parameters, `first` and `last`, say which of its chunks to do. Chunks are
   * independent: in any order and on any thread they give the same bits. `Machine.run` calls it.
   */
  task<const Names extends readonly string[]>(
    name: string,
    parameters: Names,
    body: (f: FunctionBuilder, ...parameters: Parameters<readonly [...Names, "first", "last"]>) => void,
  ): FunctionRef {
    const ref = this.function(name, [...parameters, "first", "last"] as const, body);
    this.#tasks.push({ name, ref });
    return ref;
  }

  /** The tasks so far, by number. */
  get tasks(): readonly Task[] {
    return this.#tasks;
  }

  /** One constant in all lanes, read from memory where it is used: V8 would rebuild a literal inside the loop. */
  splat(value: number): Vec {
    return this.splatInt(floatBits(value));
  }

  /** The same of 32 bits. */
  splatInt(bits: number): Vec {
    const known = this.#constants.indexOf(bits);
    return v128.loadSplat(0, known < 0 ? this.#place([bits]) : constantBase + known * 4);
  }

  #place(words: readonly number[]): number {
    const address = constantBase + this.#constants.length * 4;
    this.#constants.push(...words);
    if (address + words.length * 4 > constantEnd) throw new RangeError("the module's constants fill their room");
    return address;
  }

  encode(): Uint8Array<ArrayBuffer> {
    const { initialPages, maximumPages, shared } = this.#memory;
    const bounded = maximumPages !== undefined;
    const limits = [(bounded ? 1 : 0) | (shared ? 2 : 0), ...unsigned(initialPages)];
    if (bounded) limits.push(...unsigned(maximumPages));
    const arities = [...new Set(this.#functions.map(({ parameters }) => parameters))];
    const signature = (arity: number) => [0x60, ...vector(new Array(arity).fill([typeCode.i32])), 0];
    const data = this.#constants.flatMap((word) =>
      [word, word >> 8, word >> 16, word >> 24].map((byte) => byte & 0xff),
    );
    const bodies = new ByteWriter(65536);
    bodies.push(unsigned(this.#functions.length));
    for (const { builder } of this.#functions) builder.encode(bodies);
    const module = new ByteWriter(bodies.length + 8192);
    module.push(
      preamble,
      section(sectionId.type, vector(arities.map(signature))),
      section(
        sectionId.import,
        vector([
          [...text("env"), ...text("memory"), 0x02, ...limits],
          [...text("env"), ...text("scratch"), 0x03, typeCode.i32, 0x00],
          [...text("env"), ...text("thread"), 0x03, typeCode.i32, 0x00],
        ]),
      ),
      section(sectionId.function, vector(this.#functions.map((f) => unsigned(arities.indexOf(f.parameters))))),
      section(
        sectionId.export,
        vector(this.#exports.map(({ name, index }) => [...text(name), 0x00, ...unsigned(index)])),
      ),
      [sectionId.code, unsigned(bodies.length)],
    );
    module.writeBytes(bodies.bytes);
    if (data.length > 0) {
      module.push(
        section(sectionId.data, vector([[0, 0x41, ...signed(constantBase), 0x0b, ...unsigned(data.length), ...data]])),
      );
    }
    return module.bytes.slice();
  }
}
