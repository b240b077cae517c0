/**
 * BERT's basic tokenisation: a text becomes normalised words, each of which knows where in the text it came from.
 * One pass, linear in the text, for any string. It knows nothing of vocabularies and special tokens.
 */

import {
  CAPITAL,
  type CharacterTable,
  DROPPED,
  IDEOGRAPH,
  isPunctuation,
  PLAIN,
  PUNCTUATION,
  SPACE,
} from "./characters.ts";

/** A normalised word and its origin; positions are UTF-16 indices. */
export interface Word {
  readonly normalised: string;
  /** Where the text has the character that unit `i` of `normalised` comes from. */
  startOf(i: number): number;
  /** Where the character that unit `i` of `normalised` comes from ends in the text. */
  endOf(i: number): number;
}

/**
 * Calls `take` with every word of `text` from `from` to `to`, in order. Stops early when `take` answers false.
 * A `Word` is only valid during its call.
 */
export function eachWord(
  text: string,
  from: number,
  to: number,
  characters: CharacterTable,
  take: (word: Word) => boolean,
): void {
  const same = new UnchangedWord();
  const changed = new ChangedWord();
  // While every character stays where it is, a word is only a range of the text; the first one that does not
  // starts a unit-by-unit record in `changed`.
  let start = -1;
  let recording = false;
  let capitals = false;

  const range = (end: number) => (capitals ? text.slice(start, end).toLowerCase() : text.slice(start, end));
  const finish = (end: number): boolean => {
    let more = true;
    if (recording) more = take(changed);
    else if (start >= 0) more = take(same.set(range(end), start));
    start = -1;
    recording = false;
    capitals = false;
    return more;
  };
  const record = (end: number) => {
    if (recording) return;
    changed.clear();
    if (start >= 0) changed.appendRange(range(end), start);
    recording = true;
  };
  const alone = (normalised: string, at: number, end: number): boolean => {
    if (!finish(at)) return false;
    changed.clear();
    changed.append(normalised, at, end);
    return take(changed);
  };

  for (let i = from, next = from; i < to; i = next) {
    const unit = text.charCodeAt(i);
    const codePoint = (unit & 0xf800) === 0xd800 && i + 1 < to ? text.codePointAt(i)! : unit;
    next = i + (codePoint > 0xffff ? 2 : 1);
    const kind = characters.kind(codePoint);
    if (kind === PLAIN || kind === CAPITAL) {
      if (recording) {
        changed.append(kind === PLAIN ? text.slice(i, next) : characters.rewritten(codePoint), i, next);
      } else {
        if (start < 0) start = i;
        if (kind === CAPITAL) capitals = true;
      }
    } else if (kind === SPACE) {
      if (!finish(i)) return;
    } else if (kind === PUNCTUATION) {
      if (!finish(i)) return;
      if (!take(same.set(text.slice(i, next), i))) return;
    } else if (kind === IDEOGRAPH) {
      if (!alone(characters.rewritten(codePoint), i, next)) return;
    } else if (kind === DROPPED) {
      if (start >= 0) record(i);
    } else {
      // A decomposition may hold punctuation (≠ becomes =), which is a word of its own even so.
      for (const character of characters.rewritten(codePoint)) {
        if (isPunctuation(character)) {
          if (!alone(character, i, next)) return;
        } else {
          record(i);
          changed.append(character, i, next);
        }
      }
    }
  }
  finish(to);
}

/** A word whose units stand in the text one by one. */
class UnchangedWord implements Word {
  normalised = "";
  #start = 0;

  set(normalised: string, start: number): this {
    this.normalised = normalised;
    this.#start = start;
    return this;
  }

  startOf(i: number): number {
    return this.#start + i;
  }

  endOf(i: number): number {
    return this.#start + i + 1;
  }
}

/** A word some of whose characters were dropped or rewritten: every unit has its own origin. */
class ChangedWord implements Word {
  normalised = "";
  #starts: number[] = [];
  #ends: number[] = [];

  clear(): void {
    this.normalised = "";
    this.#starts = [];
    this.#ends = [];
  }

  append(characters: string, start: number, end: number): void {
    this.normalised += characters;
    for (let i = 0; i < characters.length; i++) {
      this.#starts.push(start);
      this.#ends.push(end);
    }
  }

  appendRange(characters: string, start: number): void {
    this.normalised += characters;
    for (let i = 0; i < characters.length; i++) {
      this.#starts.push(start + i);
      this.#ends.push(start + i + 1);
    }
  }

  startOf(i: number): number {
    return this.#starts[i];
  }

  endOf(i: number): number {
    return this.#ends[i];
  }
}
