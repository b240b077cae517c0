/** `@huggingface/tokenizers`, the JavaScript port of Hugging Face's tokenizers, as the oracle of ours. */
import { Tokenizer as Oracle } from "@huggingface/tokenizers";
import { SPECIAL_TOKENS } from "../../bert/tokenizer/vocabulary.ts";

export type { Oracle };

export interface Rule {
  readonly lowercase: boolean;
  readonly stripAccents: boolean | undefined;
  readonly isolateIdeographs: boolean;
}

/** The same tokenizer in `@huggingface/tokenizers`. */
export function oracleOf(vocabulary: readonly string[], rule: Rule): Oracle {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const special = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
  const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  const ids = (token: string) => ({ id: token, ids: [vocabulary.indexOf(token)], tokens: [token] });
  return new Oracle(
    {
      version: "1.0",
      added_tokens: SPECIAL_TOKENS.map((content) => ({ id: vocabulary.indexOf(content), content, ...flags })),
      normalizer: {
        type: "BertNormalizer",
        clean_text: true,
        handle_chinese_chars: rule.isolateIdeographs,
        strip_accents: rule.stripAccents ?? null,
        lowercase: rule.lowercase,
      },
      pre_tokenizer: { type: "BertPreTokenizer" },
      post_processor: {
        type: "TemplateProcessing",
        single: [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0)],
        pair: [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0), sequence("B", 1), special("[SEP]", 1)],
        special_tokens: { "[CLS]": ids("[CLS]"), "[SEP]": ids("[SEP]") },
      },
      decoder: { type: "WordPiece", prefix: "##", cleanup: true },
      model: {
        type: "WordPiece",
        unk_token: "[UNK]",
        continuing_subword_prefix: "##",
        max_input_chars_per_word: 100,
        vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      },
    },
    {},
  );
}
