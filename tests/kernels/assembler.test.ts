import { describe, expect, test } from "vitest";
import { mapRow, maxRow, sumRow } from "../../kernels/assembler/elementwise.ts";
import { float32, signed, unsigned } from "../../kernels/assembler/encoding.ts";
import { ModuleBuilder } from "../../kernels/assembler/module.ts";
import { f32, f32x4, i32 } from "../../kernels/assembler/values.ts";

const scratch = 8192;
const run = (module: ModuleBuilder, sharedMemory = false) => {
  const memory = new WebAssembly.Memory(sharedMemory ? { initial: 1, maximum: 2, shared: true } : { initial: 1 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), {
    env: { memory, scratch, thread: 0 },
  });
  const call = instance.exports as Record<string, (...args: number[]) => void>;
  return { call, floats: new Float32Array(memory.buffer), ints: new Int32Array(memory.buffer) };
};

describe("encoding", () => {
  test("LEB128 at the edges of its bytes", () => {
    expect(unsigned(0)).toEqual([0]);
    expect(unsigned(127)).toEqual([0x7f]);
    expect(unsigned(128)).toEqual([0x80, 1]);
    expect(unsigned(624485)).toEqual([0xe5, 0x8e, 0x26]);
    expect(unsigned(0xffffffff)).toEqual([0xff, 0xff, 0xff, 0xff, 0x0f]);
    expect(signed(63)).toEqual([63]);
    expect(signed(64)).toEqual([0xc0, 0]);
    expect(signed(-1)).toEqual([0x7f]);
    expect(signed(-123456)).toEqual([0xc0, 0xbb, 0x78]);
    expect(signed(-2147483648)).toEqual([0x80, 0x80, 0x80, 0x80, 0x78]);
  });
  test("floats are little-endian", () => {
    expect(float32(1)).toEqual([0, 0, 0x80, 0x3f]);
    expect(float32(-0)).toEqual([0, 0, 0, 0x80]);
  });
});

describe("functions", () => {
  test("loops, branches and calls", () => {
    const module = new ModuleBuilder({ initialPages: 1 });
    const put = module.function(undefined, ["to", "value"], (f, to, value) =>
      f.storeFloat(to, 0, f32.convertI32U(value)),
    );
    module.function("collatz", ["to", "from"], (f, to, from) => {
      const steps = f.i32(0);
      f.while(i32.ne(from, 1), () => {
        f.if(
          i32.and(from, 1),
          () => f.setInt(from, i32.add(i32.mul(from, 3), 1)),
          () => f.setInt(from, i32.shrU(from, 1)),
        );
        f.advance(steps, 1);
      });
      f.call(put, to, steps);
    });
    const { call, floats } = run(module);
    call.collatz(16384, 27);
    call.collatz(16388, 1);
    expect([...floats.subarray(4096, 4098)]).toEqual([111, 0]);
  });

  test("a call with a wrong number of arguments is refused when written", () => {
    const module = new ModuleBuilder({ initialPages: 1 });
    const two = module.function(undefined, ["a", "b"], () => {});
    expect(() => module.function(undefined, [], (f) => f.call(two, 1))).toThrow("a call with 1 arguments");
  });

  test.each([false, true])("rows of every length end exactly (shared memory: %s)", (shared) => {
    const module = new ModuleBuilder({ initialPages: 1, ...(shared ? { maximumPages: 2, shared } : {}) });
    module.function("double", ["out", "x", "count"], (f, out, x, count) =>
      mapRow(f, module, out, count, [x], ([value]) => f32x4.add(value, value)),
    );
    module.function("sum", ["out", "x", "count"], (f, out, x, count) =>
      f.storeFloat(
        out,
        0,
        sumRow(f, module, count, [x], ([value]) => value),
      ),
    );
    module.function("max", ["out", "x", "count"], (f, out, x, count) =>
      f.storeFloat(
        out,
        0,
        f32.lane(
          maxRow(f, module, count, [x], ([value]) => value),
          0,
        ),
      ),
    );
    const { call, floats } = run(module, shared);
    const [x, out] = [12288, 16384];
    for (let count = 0; count < 53; count++) {
      floats.fill(Number.NaN, x / 4, x / 4 + 64);
      floats.fill(-7, out / 4, out / 4 + 64);
      for (let i = 0; i < count; i++) floats[x / 4 + i] = i + 1;
      call.double(out, x, count);
      const expected = Array.from({ length: 56 }, (_, i) => (i < count ? 2 * (i + 1) : -7));
      expect([...floats.subarray(out / 4, out / 4 + 56)]).toEqual(expected);
      call.sum(out, x, count);
      expect(floats[out / 4]).toBe((count * (count + 1)) / 2);
      call.max(out, x, count);
      expect(floats[out / 4]).toBe(count === 0 ? Number.NEGATIVE_INFINITY : count);
    }
  });
});
