/**
 * Pseudo-random numbers that repeat: xoshiro128** from a seed, with its state open so that a run resumes bit-equal.
 * Not for secrets. It never reads the clock or `Math.random`.
 * Source: https://prng.di.unimi.it/ (xoshiro128**, splitmix)
 */

import { TaperError } from "./errors.ts";

/** Four 32-bit words, not all zero; plain JSON. */
export type RandomState = readonly [number, number, number, number];

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** A generator for a seed: an integer or any text. Equal seeds give equal numbers. */
  constructor(seed: number | string) {
    [this.#a, this.#b, this.#c, this.#d] = expand([hashOf(typeof seed === "string" ? seed : `#${seed}`)]);
  }

  /**
   * A generator that goes on where the one with this `state` stood.
   * @throws TaperError ERR_INPUT if it is no state
   */
  static restore(state: RandomState): Random {
    if (!isState(state)) {
      const found = JSON.stringify(state) ?? "nothing";
      throw new TaperError("ERR_INPUT", `random state: expected four 32-bit words, not all zero; found ${found}.`);
    }
    const random = new Random(0);
    [random.#a, random.#b, random.#c, random.#d] = state;
    return random;
  }

  /** Everything the next numbers depend on. */
  get state(): RandomState {
    return [this.#a, this.#b, this.#c, this.#d];
  }

  /** The next 32 bits, from 0 to 2^32 - 1. */
  next(): number {
    const scrambled = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b = (this.#b ^ this.#c) >>> 0;
    this.#a = (this.#a ^ this.#d) >>> 0;
    this.#c = (this.#c ^ shifted) >>> 0;
    this.#d = rotate(this.#d, 11) >>> 0;
    return scrambled;
  }

  /** A number from `low` to below `high` (0 and 1), with 53 random bits. */
  uniform(low = 0, high = 1): number {
    const bits = (this.next() >>> 5) * 2 ** 26 + (this.next() >>> 6);
    return low + (high - low) * (bits / 2 ** 53);
  }

  /** A normally distributed number. Each call uses two uniform ones and keeps nothing, so `state` says all. */
  normal(mean = 0, deviation = 1): number {
    // 1 - u lies above zero, so its logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** An integer from 0 to below `n`, each equally likely; `n` is from 1 to 2^32. Throws ERR_INPUT for another `n`. */
  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw new TaperError("ERR_INPUT", `random integer below n: expected n from 1 to 2^32; found ${n}.`);
    }
    // Numbers of the last, incomplete run of n would favour small results; they are drawn again.
    const complete = 2 ** 32 - (2 ** 32 % n);
    let bits = this.next();
    while (bits >= complete) bits = this.next();
    return bits % n;
  }

  /** Puts the items of `array` in random order, in place, and returns it (Fisher and Yates). */
  shuffle<T extends { length: number; [index: number]: unknown }>(array: T): T {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const item = array[i];
      array[i] = array[j];
      array[j] = item;
    }
    return array;
  }

  /**
   * Another generator, a function of this one's state and the label. This one does not move, so which forks are taken,
   * and in which order, changes nothing.
   */
  fork(label: string | number): Random {
    return Random.restore(expand([...this.state, hashOf(typeof label === "string" ? label : `#${label}`)]));
  }
}

function isState(state: readonly unknown[]): boolean {
  const isWord = (word: unknown) => typeof word === "number" && word >>> 0 === word;
  return Array.isArray(state) && state.length === 4 && state.every(isWord) && state.some((word) => word !== 0);
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

/** Stirs words into a state, with splitmix32: every bit of the input reaches every word of the result. */
function expand(words: readonly number[]): RandomState {
  let seed = 0;
  for (const word of words) seed = mix((seed + word) >>> 0);
  const state = [1, 2, 3, 4].map((i) => mix((seed + Math.imul(i, 0x9e3779b9)) >>> 0));
  return [state[0], state[1], state[2], state[3] || 1];
}

/** A bijection of 32-bit words that scatters neighbours (the finaliser of MurmurHash3). */
function mix(word: number): number {
  let x = (word + 0x9e3779b9) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** A 32-bit hash of a text (FNV-1a over its UTF-16 units). */
export function hashOf(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
