/** Random strings of every sort that there is trouble with: any sequence of UTF-16 units is a text. */
import type { Random } from "../../engine/random.ts";
import { pick } from "./mutate-json.ts";

export const textSorts = [
  ...["ascii", "words", "cjk", "combining", "emoji", "control", "scripts", "units", "awkward", "long"],
] as const;
export type TextSort = string;

const range = (random: Random, ranges: readonly (readonly [number, number])[]): string => {
  const [first, last] = pick(random, ranges);
  return String.fromCodePoint(first + random.integer(last - first + 1));
};

const ideographs = [
  ...[
    [0x4e00, 0x9fff],
    [0x3400, 0x4dbf],
    [0x3040, 0x30ff],
    [0xac00, 0xd7a3],
    [0x1100, 0x11ff],
  ],
  ...[
    [0xf900, 0xfaff],
    [0x20000, 0x2a6df],
    [0x2f800, 0x2fa1f],
    [0x3000, 0x303f],
    [0xff00, 0xffef],
  ],
] as [number, number][];
const letters = [
  [0x41, 0x7a],
  [0xc0, 0x24f],
  [0x1e00, 0x1eff],
  [0x391, 0x3ff],
] as [number, number][];
const marks = [
  ...[
    [0x300, 0x36f],
    [0x483, 0x489],
    [0x591, 0x5bd],
    [0x64b, 0x65f],
    [0x93a, 0x94f],
    [0xe31, 0xe3a],
  ],
  ...[
    [0x1ab0, 0x1ace],
    [0x20d0, 0x20f0],
    [0x302a, 0x302f],
    [0xfe00, 0xfe0f],
    [0x1d165, 0x1d172],
  ],
] as [number, number][];
const emoji = [
  ...[
    [0x1f300, 0x1f64f],
    [0x1f900, 0x1f9ff],
    [0x1f1e6, 0x1f1ff],
    [0x2600, 0x27bf],
    [0x1f3fb, 0x1f3ff],
  ],
  ...[
    [0x200d, 0x200d],
    [0xfe0f, 0xfe0f],
    [0xe0020, 0xe007f],
  ],
] as [number, number][];
const controls = [
  ...[
    [0, 0x20],
    [0x7f, 0xa0],
    [0xad, 0xad],
    [0x200b, 0x200f],
    [0x2028, 0x202f],
    [0x2060, 0x206f],
  ],
  ...[
    [0xfff0, 0xffff],
    [0xe000, 0xe010],
    [0x61, 0x65],
  ],
] as [number, number][];
const scripts = [
  ...[
    [0x370, 0x3ff],
    [0x400, 0x52f],
    [0x531, 0x586],
    [0x5d0, 0x5ea],
    [0x620, 0x64a],
    [0x900, 0x97f],
  ],
  ...[
    [0xe01, 0xe4e],
    [0x10a0, 0x10ff],
    [0x13a0, 0x13ff],
    [0x1e900, 0x1e943],
    [0x10400, 0x1044f],
    [0x1c80, 0x1c88],
  ],
  ...[
    [0x2c00, 0x2c5f],
    [0xa640, 0xa69f],
    [0x1d400, 0x1d7ff],
    [0x12000, 0x12399],
    [0x20, 0x7e],
    [0x61, 0x7a],
  ],
] as [number, number][];
const awkward = [
  ..." \t\n\r\u000b\u0085\u00a0\u2028\u3000\u200b\u200d\ufeff\u00ad\0\ufffd[]#'’“…$`^~|+=<>¿·†‡",
  ..."aAzZeÉéÅåßẞſİıǅﬁΩΚσςΣ≠≮①½²\u0300\u0327\u0345\u20d0中国豈々〆一ひカ한",
  ...[
    "𝒳",
    "𠀀",
    "丽",
    "\ud800",
    "\udfff",
    "\ue000",
    "[CLS]",
    "[SEP]",
    "[PAD]",
    "[UNK]",
    "[MASK]",
    "[mask]",
    "[CL",
    "##ing",
  ],
  ...["<s>", "</s>", "<mask>", "<unk>", "Ġ", "x".repeat(99), "x".repeat(101), "ΑΣ", "ΑΣ.", "e\u0301", "각"],
];

const many = (random: Random, most: number, part: () => string): string => {
  let text = "";
  for (let count = random.integer(most + 1); count > 0; count--) text += part();
  return text;
};

/** A text of a sort; `words` are those to be damaged. "long" has up to a million units, most times far fewer. */
export function randomText(random: Random, sort: TextSort, words: readonly string[]): string {
  switch (sort) {
    case "ascii":
      return many(random, 40, () => String.fromCharCode(32 + random.integer(95)));
    case "words":
      return many(
        random,
        12,
        () => `${damagedWord(random, pick(random, words))}${pick(random, [" ", " ", " ", "", ", ", "-"])}`,
      );
    case "cjk":
      return many(random, 20, () => range(random, ideographs) + pick(random, ["", "", " ", "a"]));
    case "combining":
      return many(random, 12, () => range(random, letters) + many(random, 4, () => range(random, marks)));
    case "emoji":
      return many(random, 16, () => range(random, emoji));
    case "control":
      return many(random, 24, () => range(random, controls));
    case "scripts":
      return many(random, 24, () => range(random, scripts));
    case "units":
      return many(random, 24, () => String.fromCharCode(random.integer(0x10000)));
    case "long": {
      const part = randomText(random, pick(random, textSorts.slice(0, -1)), words) || "x";
      const length = 10 ** (2 + random.integer(5));
      return part.repeat(Math.ceil(length / part.length)).slice(0, length);
    }
    default:
      return many(random, 24, () => pick(random, awkward));
  }
}

function damagedWord(random: Random, word: string): string {
  const at = random.integer(word.length + 1);
  const letter = String.fromCharCode(97 + random.integer(26));
  switch (random.integer(7)) {
    case 0:
      return word.slice(0, at) + word.slice(at + 1);
    case 1:
      return word.slice(0, at) + letter + word.slice(at);
    case 2:
      return word.toUpperCase();
    case 3:
      return word.charAt(0).toUpperCase() + word.slice(1);
    case 4:
      return word.slice(0, at) + pick(random, ["\u0301", "\u00ad", "\u200d", "'", "."]) + word.slice(at);
    default:
      return word;
  }
}
