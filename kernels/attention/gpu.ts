/**
 * Ragged attention on a GPU. Which rows a row attends to is derived from `starts` on the host and stays on the device until rows leave.
 * Launches: scores [n, h, L] (L the longest text: what is beyond a shorter text's rows is never read), each score row's maximum and sum,
 * the probabilities, their averages of the values, and who received how much. The whole row at once, no online form.
 */
import { checkLoop, type GpuArray, type GpuDevice, type GpuSource, matrix } from "../backends/gpu-device.ts";
import type { GpuHandle } from "../backends/gpu-handle.ts";
import type { AttentionArgs } from "./contract.ts";

/** `range` holds for each row the first row of its text and their number. Masked rows are not there: nothing of theirs is added. */
const scores: GpuSource = {
  name: "attention: scores",
  arguments: ["numbers", "numbers", "integer", "integer", "float"],
  source: `function(qkv, range, d, width, root) {
    if (this.thread.x >= range[this.thread.z][1]) return 0.0;
    const key = range[this.thread.z][0] + this.thread.x;
    const column = this.thread.y * width;
    let sum = 0.0;
    for (let c = 0; c < width; c++) sum += qkv[this.thread.z][column + c] * qkv[key][d + column + c];
    return sum / root;
  }`,
};
const scoresByQuads: GpuSource = {
  name: "attention: scores by quads",
  arguments: ["quads", "numbers", "integer", "integer", "float"],
  source: `function(qkv, range, d, width, root) {
    if (this.thread.x >= range[this.thread.z][1]) return 0.0;
    const key = range[this.thread.z][0] + this.thread.x;
    const column = this.thread.y * width;
    let sum = 0.0;
    for (let c = 0; c < width; c++) sum += innerProduct(qkv[this.thread.z][column + c], qkv[key][d + column + c]);
    return sum / root;
  }`,
};

/** A thread for each row and head. */
const statistics = (mask: boolean): GpuSource => ({
  name: mask ? "attention: maximum and sum, masked" : "attention: maximum and sum",
  arguments: ["numbers", "numbers", ...(mask ? ["numbers" as const] : []), "integer"],
  returns: "quad",
  source: `function(scores, range${mask ? ", mask" : ""}, h) {
    const row = Math.floor((this.thread.x + 0.5) / h);
    const head = this.thread.x - row * h;
    const begin = range[row][0];
    const count = range[row][1];
    let largest = -3.0e38;
    for (let j = 0; j < count; j++) {
      ${mask ? "const there = mask[0][begin + j];" : "const there = 1.0;"}
      const value = scores[row][head][j];
      if (there !== 0.0 && value > largest) largest = value;
    }
    let sum = 0.0;
    for (let i = 0; i < count; i++) {
      ${mask ? "const weight = mask[0][begin + i];" : "const weight = 1.0;"}
      if (weight !== 0.0) sum += weight * Math.exp(scores[row][head][i] - largest);
    }
    return [largest, sum, begin, 0.0];
  }`,
});

const probabilities = (mask: boolean): GpuSource => ({
  name: mask ? "attention: probabilities, masked" : "attention: probabilities",
  arguments: ["numbers", "numbers", "numbers", ...(mask ? ["numbers" as const] : []), "integer"],
  source: `function(scores, range, row${mask ? ", mask" : ""}, h) {
    if (this.thread.x >= range[this.thread.z][1]) return 0.0;
    const at = this.thread.z * h + this.thread.y;
    ${mask ? "const weight = mask[0][range[this.thread.z][0] + this.thread.x];" : "const weight = 1.0;"}
    if (weight === 0.0) return 0.0;
    const value = scores[this.thread.z][this.thread.y][this.thread.x];
    return weight * Math.exp(value - row[at][0]) / row[at][1];
  }`,
});

const average: GpuSource = {
  name: "attention: averages",
  arguments: ["numbers", "numbers", "numbers", "integer", "integer"],
  source: `function(p, qkv, range, d, width) {
    const head = Math.floor((this.thread.x + 0.5) / width);
    const begin = range[this.thread.y][0];
    const count = range[this.thread.y][1];
    let sum = 0.0;
    for (let j = 0; j < count; j++) {
      const share = p[this.thread.y][head][j];
      if (share !== 0.0) sum += share * qkv[begin + j][2 * d + this.thread.x];
    }
    return sum;
  }`,
};

/** A thread for each row as a key: over heads in increasing order, over the queries of its text. */
const received = (mask: boolean): GpuSource => ({
  name: mask ? "attention: importance, masked" : "attention: importance",
  arguments: ["numbers", "numbers", ...(mask ? ["numbers" as const] : []), "integer"],
  source: `function(p, range${mask ? ", mask" : ""}, h) {
    const begin = range[this.thread.x][0];
    const count = range[this.thread.x][1];
    const key = this.thread.x - begin;
    let queries = 0.0;
    let sum = 0.0;
    for (let i = 0; i < count; i++) {
      ${mask ? "const weight = mask[0][begin + i];" : "const weight = 1.0;"}
      if (weight !== 0.0) {
        let heads = 0.0;
        for (let head = 0; head < h; head++) heads += p[begin + i][head][key];
        queries += weight;
        sum += weight * heads;
      }
    }
    if (queries === 0.0) return 0.0;
    return sum / (h * queries);
  }`,
});

const masked = { statistics: statistics(true), probabilities: probabilities(true), received: received(true) };
const unmasked = { statistics: statistics(false), probabilities: probabilities(false), received: received(false) };

export function attention(device: GpuDevice): (args: AttentionArgs<GpuHandle>) => void {
  return ({ out, qkv: qkvHandle, starts, mask: maskHandle, importance, n, d, h, texts }) => {
    if (n === 0 || d === 0) return;
    const width = d / h;
    const longest = longestText(starts.integers ?? new Int32Array(0), texts);
    checkLoop("attention", "a text", longest);
    checkLoop("attention", "d / h", width);
    const qkv = qkvHandle.matrix(n, 3 * d);
    const mask = maskHandle ? [maskHandle.matrix(1, n)] : [];
    const range = matrix(
      starts.derived(`ranges of ${texts} texts`, (integers) => rangesOf(integers, texts)),
      n,
      2,
    );
    const forms = maskHandle ? masked : unmasked;
    const table = (array: GpuArray) => matrix(array, h, longest, n);

    const quads = device.readsQuads && width % 4 === 0;
    const unit = quads ? 4 : 1;
    const s = device.launch(
      quads ? scoresByQuads : scores,
      [longest, h, n],
      [qkv, range, d / unit, width / unit, Math.sqrt(width)],
    );
    const row = device.launch(forms.statistics, [n * h], [table(s), range, ...mask, h]);
    const p = device.launch(forms.probabilities, [longest, h, n], [table(s), range, matrix(row, n * h, 4), ...mask, h]);
    out.replace(device.launch(average, [d, n], [table(p), qkv, range, d, width]));
    if (importance) importance.replace(device.launch(forms.received, [n], [table(p), range, ...mask, h]));
    for (const array of [s, row, p]) device.free(array);
  };
}

function longestText(starts: Int32Array, texts: number): number {
  let longest = 0;
  for (let t = 0; t < texts; t++) longest = Math.max(longest, starts[t + 1] - starts[t]);
  return longest;
}

/** For each row, [first row of its text, rows of its text]. */
function rangesOf(starts: Int32Array, texts: number): Float32Array {
  const ranges = new Float32Array(2 * starts[texts]);
  for (let t = 0; t < texts; t++) {
    for (let i = starts[t]; i < starts[t + 1]; i++) ranges.set([starts[t], starts[t + 1] - starts[t]], 2 * i);
  }
  return ranges;
}
