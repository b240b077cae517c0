// The interop: ndarray and ndarray-ops work on our data in place, and what they return works with us.
import ops from "ndarray-ops";
import { expect, test } from "vitest";
import { flatten, transpose, view } from "../engine/view.ts";
import { fromNdarray, toNdarray } from "../ndarray.ts";

test("ndarray-ops writes into the view's own data", () => {
  const data = new Float32Array([9, 1, 2, 3, 4, 5, 6]);
  const matrix = view(data, [2, 3], 1);
  const array = toNdarray(matrix);
  expect(array.get(1, 0)).toBe(4);
  expect(ops.sum(array)).toBe(21);
  ops.mulseq(array, 10);
  expect([...data]).toEqual([9, 10, 20, 30, 40, 50, 60]);
});

test("a strided view keeps its strides", () => {
  const matrix = transpose(view(new Float32Array([1, 2, 3, 4, 5, 6]), [2, 3]));
  expect(toNdarray(matrix).get(2, 1)).toBe(6);
  const sum = toNdarray(view(new Float32Array(6), [3, 2]));
  ops.add(sum, toNdarray(matrix), toNdarray(matrix));
  expect([...flatten(fromNdarray(sum))]).toEqual([2, 8, 4, 10, 6, 12]);
});

test("what ndarray picks, steps and transposes comes back without a copy", () => {
  const data = new Float64Array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  const picked = fromNdarray(
    toNdarray(view(data, [3, 4]))
      .step(2, -1)
      .transpose(1, 0),
  );
  expect(picked.data).toBe(data);
  expect(picked.shape).toEqual([4, 2]);
  expect([...flatten(picked)]).toEqual([3, 11, 2, 10, 1, 9, 0, 8]);
});
