/**
 * Pieces back to text: joins continuations and takes out the spaces that English writes none of.
 * The original's case, accents and spacing are gone; this does not guess them.
 * Source: https://github.com/huggingface/tokenizers/blob/main/tokenizers/src/decoders/wordpiece.rs
 */

/** In this order: a later one sees what an earlier one left. */
const TIGHTENED = [
  [/ ([.?!,])/g, "$1"],
  [/ ' /g, "'"],
  [/ (n't|'m|'s|'ve|'re)/g, "$1"],
] as const;

/** The text of WordPiece tokens. */
export function decodePieces(tokens: readonly string[]): string {
  let text = "";
  for (const token of tokens) {
    if (text !== "" && token.startsWith("##")) text += token.slice(2);
    else text += text === "" ? token : ` ${token}`;
  }
  return TIGHTENED.reduce((tightened, [pattern, replacement]) => tightened.replace(pattern, replacement), text);
}
