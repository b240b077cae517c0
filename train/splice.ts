/**
 * Texts that nobody wrote, for a teacher to answer: the first half of one text, then the second half of another with the same label. A small
 * set of texts makes very many of them, and a student that must say what its teacher says of ever new ones cannot learn them by heart.
 * After: "Knowledge distillation: a good teacher is patient and consistent", https://arxiv.org/abs/2106.05237 (there by mixing images)
 */
import type { Random } from "../engine/random.ts";

/** A text made of two, the first of which is texts[part]. */
export interface Splice {
  readonly text: string;
  readonly part: number;
}

/** `count` splices of `texts`, each of two (or of one with itself) that are alike: have the same value in `kinds`, which is as long. */
export function splice(
  texts: readonly string[],
  kinds: readonly (number | string)[],
  count: number,
  random: Random,
): Splice[] {
  const words = texts.map((text) => text.trim().split(/\s+/));
  const alike = new Map<number | string, number[]>();
  for (const [i, kind] of kinds.entries()) {
    const those = alike.get(kind);
    if (those) those.push(i);
    else alike.set(kind, [i]);
  }
  return Array.from({ length: count }, () => {
    const part = random.integer(texts.length);
    const others = alike.get(kinds[part]) as number[];
    const other = others[random.integer(others.length)];
    const half = (of: readonly string[]): number => Math.ceil(of.length / 2);
    const text = [...words[part].slice(0, half(words[part])), ...words[other].slice(half(words[other]))].join(" ");
    return { text, part };
  });
}
