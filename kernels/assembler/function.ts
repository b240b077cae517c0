/**
 * One function under construction: typed locals, statements, structured loops and branches.
 * Statements append byte code in the order in which they are called; expressions come from values.ts.
 * It checks types through TypeScript only; the engine's validator has the last word.
 */

import { ByteWriter, typeCode, unsigned, type ValueType, vector } from "./encoding.ts";
import { type Expr, type Float, float, type Int, i32, int, type Vec } from "./values.ts";

export interface Local<T extends ValueType> extends Expr<T> {
  readonly index: number;
}

/** A declared function: what calls need to know. */
export interface FunctionRef {
  readonly index: number;
  readonly parameters: readonly string[];
}

const voidBlock = 0x40;

export class FunctionBuilder {
  readonly #code = new ByteWriter();
  readonly #locals: ValueType[] = [];
  readonly #parameterCount: number;

  constructor(parameterCount: number) {
    this.#parameterCount = parameterCount;
  }

  /** A new local, zero or `initial` at this point of the program. */
  local<T extends ValueType>(type: T, initial?: Expr<T>): Local<T> {
    const index = this.#parameterCount + this.#locals.length;
    this.#locals.push(type);
    const local = { type, index, code: [0x20, ...unsigned(index)] };
    if (initial) this.set(local, initial);
    return local;
  }

  i32(initial?: Int): Local<"i32"> {
    return this.local("i32", initial === undefined ? undefined : int(initial));
  }

  v128(initial?: Vec): Local<"v128"> {
    return this.local("v128", initial);
  }

  f32(initial?: Float): Local<"f32"> {
    return this.local("f32", initial === undefined ? undefined : float(initial));
  }

  set<T extends ValueType>(local: Local<T>, value: Expr<T>): void {
    this.#code.push(value.code, 0x21, unsigned(local.index));
  }

  setInt(local: Local<"i32">, value: Int): void {
    this.set(local, int(value));
  }

  /** local += by */
  advance(local: Local<"i32">, by: Int): void {
    this.set(local, i32.add(local, by));
  }

  storeVec(address: Int, offset: number, value: Vec): void {
    this.#code.push(int(address).code, value.code, 0xfd, 11, 2, unsigned(offset));
  }

  storeFloat(address: Int, offset: number, value: Float): void {
    this.#code.push(int(address).code, float(value).code, 0x38, 2, unsigned(offset));
  }

  /** Evaluates an expression for its effect: a load brings its line into the cache. */
  drop(value: Expr<ValueType>): void {
    this.#code.push(value.code, 0x1a);
  }

  storeInt(address: Int, offset: number, value: Int): void {
    this.#code.push(int(address).code, int(value).code, 0x36, 2, unsigned(offset));
  }

  /** memory.copy of `bytes` bytes. */
  copy(to: Int, from: Int, bytes: Int): void {
    this.#code.push(int(to).code, int(from).code, int(bytes).code, 0xfc, 10, 0, 0);
  }

  /** memory.fill of `bytes` bytes with `value`. */
  fill(to: Int, value: Int, bytes: Int): void {
    this.#code.push(int(to).code, int(value).code, int(bytes).code, 0xfc, 11, 0);
  }

  call(callee: FunctionRef, ...args: Int[]): void {
    if (args.length !== callee.parameters.length) {
      throw new RangeError(`a call with ${args.length} arguments to a function of (${callee.parameters.join(", ")})`);
    }
    for (const argument of args) this.#code.push(int(argument).code);
    this.#code.push(0x10, unsigned(callee.index));
  }

  if(condition: Int, then: () => void, otherwise?: () => void): void {
    this.#code.push(int(condition).code, 0x04, voidBlock);
    then();
    if (otherwise) {
      this.#code.push(0x05);
      otherwise();
    }
    this.#code.push(0x0b);
  }

  /** Runs `body` once, then again while `condition` holds. */
  doWhile(body: () => void, condition: Int): void {
    this.#code.push(0x03, voidBlock);
    body();
    this.#code.push(int(condition).code, 0x0d, 0, 0x0b);
  }

  /** Runs `body` while `condition` holds; the test sits at the end of the loop. */
  while(condition: Int, body: () => void): void {
    this.if(condition, () => this.doWhile(body, condition));
  }

  /** `counter` from `start` below `end` by `step`, compared as unsigned numbers. */
  for(counter: Local<"i32">, start: Int, end: Int, step: Int, body: () => void): void {
    this.setInt(counter, start);
    this.while(i32.ltU(counter, end), () => {
      body();
      this.advance(counter, step);
    });
  }

  return(): void {
    this.#code.push(0x0f);
  }

  /** Writes the function's entry in the code section. */
  encode(to: ByteWriter): void {
    const groups: { type: ValueType; count: number }[] = [];
    for (const type of this.#locals) {
      const last = groups.at(-1);
      if (last?.type === type) last.count++;
      else groups.push({ type, count: 1 });
    }
    const locals = vector(groups.map(({ type, count }) => [...unsigned(count), typeCode[type]]));
    to.push(unsigned(locals.length + this.#code.length + 1), locals);
    to.writeBytes(this.#code.bytes);
    to.push(0x0b);
  }
}
