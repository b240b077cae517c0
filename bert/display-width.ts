/**
 * How many columns of a terminal a text takes, and a text without the characters that a terminal would obey. An estimate, as
 * terminals differ: ideographs and pictures take two columns, marks on other characters none.
 */

const wide =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const empty = /\p{M}/u;

export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += empty.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return width;
}

/** Without control and format characters, lone surrogates and code points that mean nothing. */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, "");
}
