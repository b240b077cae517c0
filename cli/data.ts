/** `--data FILE`: the rows of a file, checked against what a command needs of them. */
import type { LabelledText } from "../bench/evaluate.ts";
import { TaperError } from "../engine/errors.ts";
import { readTexts, type TextFormat, type TextRow } from "../train/data.ts";
import { type Flags, numberOf, required, type Values } from "./flags.ts";

export const dataFlags = {
  data: { type: "string", value: "FILE", help: ".tsv with a header, .jsonl or .txt (a text a line), also with .gz" },
  format: { type: "string", value: "NAME", help: "tsv, jsonl or txt, if the file's name does not tell" },
  limit: { type: "string", value: "N", help: "read the first N rows only" },
} as const satisfies Flags;

const formats: readonly string[] = ["tsv", "jsonl", "txt"] satisfies TextFormat[];

/** At least one row. Throws ERR_OPTION, ERR_FILE or ERR_DATA. */
export async function readRows(command: string, values: Values<typeof dataFlags>): Promise<TextRow[]> {
  const file = required(values.data, command, "data");
  const { format } = values;
  if (format !== undefined && !formats.includes(format)) {
    throw new TaperError("ERR_OPTION", `--format: expected ${formats.join(", ")}; found "${format}".`);
  }
  const limit = numberOf(values.limit, "limit", { least: 1, whole: true });
  const rows = await readTexts(file, { format: format as TextFormat | undefined, limit });
  if (rows.length === 0) throw new TaperError("ERR_DATA", `${file}: expected at least one row, found none.`);
  return rows;
}

/** Throws ERR_DATA, with its number, for a row without a label or with one that the model does not know. */
export function labelled(rows: readonly TextRow[], labels: readonly string[], file: string): LabelledText[] {
  return rows.map(({ text, label, row }) => {
    if (label !== undefined && label < labels.length) return { text, label };
    const found = label === undefined ? "none" : String(label);
    throw new TaperError(
      "ERR_DATA",
      `${file}: row ${row}: expected a label from 0 to ${labels.length - 1} (${labels.join(", ")}); found ${found}.`,
    );
  });
}
