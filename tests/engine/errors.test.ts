/** Messages are for people, whatever a file put into them. */
import { expect, it } from "vitest";
import { nearestName, show, TaperError } from "../../engine/errors.ts";

it("cuts a long message in its middle, and leaves others alone", () => {
  const name = "x".repeat(1e6);
  const { message } = new TaperError(
    "ERR_CHECKPOINT",
    `model.safetensors: tensor "${name}" is missing; get the file anew.`,
  );
  expect(message.length).toBeLessThan(1600);
  expect(message).toMatch(/^model\.safetensors: tensor "x+ … x+" is missing; get the file anew\.$/);
  const long = "y".repeat(1500);
  expect(new TaperError("ERR_FILE", long).message).toBe(long);
});

it("shows the beginning of a value, however large it is", () => {
  expect(show({ a: [1, "b", null], c: { d: true } })).toBe('{"a":[1,"b",null],"c":{"d":true}}');
  expect(show(new Uint8Array(1e9))).toBe("Uint8Array of 1000000000 bytes");
  expect(show({ files: new ArrayBuffer(5) })).toBe('{"files":"ArrayBuffer of 5 bytes"}');
  // Whole, these would be too long for a string.
  const wide = Array<string>(1e5).fill("x".repeat(1e4));
  const deep: unknown[] = [];
  deep.push(deep, wide);
  for (const large of [wide, deep, { wide }, "y".repeat(1e8)]) {
    expect(show(large)).toHaveLength(121);
    expect(show(large)).toMatch(/…$/);
  }
  const secretive = {
    get key(): never {
      throw new Error("nobody looks at this");
    },
  };
  expect([show(1n), show(secretive), show(() => 1)]).toEqual(["a bigint", "a object", "a function"]);
});

it("looks for the nearest name without measuring those that are far too long", () => {
  // Measured, these would take minutes.
  const long = Array<string>(2000).fill("x".repeat(1e6));
  expect(nearestName("bert.embeddings", [...long, "bert.embedings"])).toBe("bert.embedings");
});
