/**
 * Labels of tokens to entities: words of several pieces get one label, and neighbours of one kind become one span. Labels may have the
 * prefixes B- (begins), I- (goes on), E- (ends) and S- (single). Pure functions; they know no model.
 * Source: https://huggingface.co/docs/transformers/main_classes/pipelines (TokenClassificationPipeline)
 */
import type { Tag } from "../bert/readouts.ts";
import type { EntityGroup } from "./outputs.ts";

/**
 * "simple" joins tokens as they are labelled. The others first give each word one label: that of its "first" piece, of the piece that is
 * surest ("max"), or of the "average" of its pieces' probabilities.
 */
export type AggregationStrategy = "none" | "simple" | "first" | "average" | "max";

export const aggregationStrategies: readonly AggregationStrategy[] = ["none", "simple", "first", "average", "max"];

interface Labelled {
  readonly label: string;
  readonly score: number;
  readonly start: number;
  readonly end: number;
}

/** All tags of a text to its entities, but for those whose label or kind is ignored: what is ignored separates its neighbours. */
export function groupEntities(
  text: string,
  tags: readonly Tag[],
  labels: readonly string[],
  { strategy, ignored }: { readonly strategy: AggregationStrategy; readonly ignored: readonly string[] },
): EntityGroup[] {
  const labelled: readonly Labelled[] =
    strategy === "simple" ? tags : wordsOf(text, tags).map((word) => wordLabel(word, labels, strategy));
  const groups: { readonly kind: string; readonly members: Labelled[] }[] = [];
  let open: (typeof groups)[number] | undefined;
  for (const one of labelled) {
    const { prefix, kind } = parsed(one.label);
    if (ignored.includes(one.label) || ignored.includes(kind)) {
      open = undefined;
    } else if (open?.kind === kind && prefix !== "B" && prefix !== "S") {
      open.members.push(one);
      if (prefix === "E") open = undefined;
    } else {
      const group = { kind, members: [one] };
      groups.push(group);
      open = prefix === "S" ? undefined : group;
    }
  }
  return groups.map(({ kind, members }) => {
    const [start, end] = [members[0].start, members[members.length - 1].end];
    const score = members.reduce((sum, member) => sum + member.score, 0) / members.length;
    return { entity_group: kind, score, word: text.slice(start, end), start, end };
  });
}

/** A label without a prefix goes on what it is next to. */
function parsed(label: string): { prefix: string; kind: string } {
  return /^[BIES]-/.test(label) ? { prefix: label[0], kind: label.slice(2) } : { prefix: "I", kind: label };
}

/** Pieces that go on a word join it. */
function wordsOf(text: string, tags: readonly Tag[]): Tag[][] {
  const words: Tag[][] = [];
  for (const [i, tag] of tags.entries()) {
    if (i > 0 && goesOn(text, tags[i - 1], tag)) words[words.length - 1].push(tag);
    else words.push([tag]);
  }
  return words;
}

/** WordPiece marks such pieces; byte-level vocabularies do not, so there a letter or digit that touches another goes on its word. */
function goesOn(text: string, before: Tag, { token, start }: Tag): boolean {
  if (before.end !== start) return false;
  return (
    token.startsWith("##") ||
    /^(?!\p{Script=Han})[\p{L}\p{M}\p{N}](?!\p{Script=Han})[\p{L}\p{M}\p{N}]/u.test(around(text, start))
  );
}

/** The characters before and after a place. */
function around(text: string, at: number): string {
  const before = [...text.slice(Math.max(0, at - 2), at)].at(-1) ?? "";
  return before + text.slice(at, at + 2);
}

function wordLabel(word: readonly Tag[], labels: readonly string[], strategy: AggregationStrategy): Labelled {
  const [start, end] = [word[0].start, word[word.length - 1].end];
  if (strategy === "average") {
    const means = labels.map((_, c) => word.reduce((sum, { scores }) => sum + scores[c], 0) / word.length);
    const score = Math.max(...means);
    return { label: labels[means.indexOf(score)], score, start, end };
  }
  const { label, score } =
    strategy === "max" ? word.reduce((best, piece) => (piece.score > best.score ? piece : best)) : word[0];
  return { label, score, start, end };
}
