/**
 * Texts that nobody wrote, for a teacher to answer: the first half of one text, then the second half of another with the same label. A small
 * set of texts makes very many of them, and a student that must say what its teacher says of ever new ones cannot learn them by heart.
 * After: "Knowledge distillation: a good teacher is patient and consistent", https://arxiv.org/abs/2106.05237 (there by mixing images)
 */
import type { Random } from "../engine/random.ts";

/** `count` texts made of `texts`, whose classes are `labels`; a text may come from itself. Both lists are of the same length, and not empty. */
export function splice(texts: readonly string[], labels: readonly number[], count: number, random: Random): string[] {
  const words = texts.map((text) => text.trim().split(/\s+/));
  const alike = new Map<number, number[]>();
  for (const [i, label] of labels.entries()) {
    const those = alike.get(label);
    if (those) those.push(i);
    else alike.set(label, [i]);
  }
  return Array.from({ length: count }, () => {
    const first = random.integer(texts.length);
    const others = alike.get(labels[first]) as number[];
    const second = others[random.integer(others.length)];
    const half = (of: readonly string[]): number => Math.ceil(of.length / 2);
    return [...words[first].slice(0, half(words[first])), ...words[second].slice(half(words[second]))].join(" ");
  });
}
