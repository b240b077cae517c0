import { expect, it } from "vitest";
import { Random } from "../../engine/random.ts";
import { chooseHoldOut } from "../../train/hold-out.ts";

const words = Array.from({ length: 400 }, (_, i) => `w${i}`);

function treebank(random: Random, sentences: number): string[] {
  return Array.from({ length: sentences }, () => {
    const sentence = Array.from({ length: 8 + random.integer(12) }, () => words[random.integer(words.length)]);
    const phrases = Array.from({ length: 6 }, () => {
      const from = random.integer(sentence.length);
      return sentence.slice(from, from + 1 + random.integer(sentence.length - from)).join(" ");
    });
    return [sentence.join(" "), ...phrases];
  }).flat();
}

it("never trains on a longer phrase of a held-out sentence, nor on a sentence around it", () => {
  for (let seed = 0; seed < 5; seed++) {
    const texts = treebank(new Random(seed), 80);
    const held = new Set(chooseHoldOut(texts, 100, new Random(seed)));
    expect(held.size).toBeGreaterThanOrEqual(100);
    expect(held.size).toBeLessThan(130);
    for (const i of held) {
      if (texts[i].split(" ").length < 8) continue;
      for (const [j, other] of texts.entries()) {
        if (held.has(j)) continue;
        expect(` ${other} `).not.toContain(` ${texts[i]} `);
        if (other.split(" ").length >= 4) expect(` ${texts[i]} `).not.toContain(` ${other} `);
      }
    }
  }
});

it("is a function of the seed, and takes what there is", () => {
  const texts = treebank(new Random(9), 20);
  expect(chooseHoldOut(texts, 30, new Random(1))).toEqual(chooseHoldOut(texts, 30, new Random(1)));
  expect(chooseHoldOut(["a", "b"], 5, new Random(1))).toEqual([0, 1]);
  expect(chooseHoldOut(texts, 0, new Random(1))).toEqual([]);
});
