/** Data files: the formats, the published sets' counts, and bad rows by number and reason. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { parseTexts, readTexts, type TextFormat } from "../../train/data.ts";
import { sharedFile } from "../shared.ts";

const directory = mkdtempSync(join(tmpdir(), "taper-data-"));
afterAll(() => rmSync(directory, { recursive: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (text: string, format: TextFormat, limit?: number) => parseTexts(bytes(text), format, "file", limit);

describe("TSV", () => {
  test("texts and labels, fields as they are", () => {
    expect(parse('sentence\tlabel\na "quoted" text \t1\n\t0\n', "tsv")).toEqual([
      { text: 'a "quoted" text ', label: 1, row: 2 },
      { text: "", label: 0, row: 3 },
    ]);
  });

  test("pairs, other columns, another order, CR LF, a byte order mark, no newline at the end", () => {
    expect(parse("\ufeffid\tlabel\tsentence2\ttext\r\n9\t3\tsecond\tfirst\r\n8\t0\td\tc", "tsv")).toEqual([
      { text: ["first", "second"], label: 3, row: 2 },
      { text: ["c", "d"], label: 0, row: 3 },
    ]);
  });

  test("no label column, no rows", () => {
    expect(parse("text\na\n", "tsv")).toEqual([{ text: "a", row: 2 }]);
    expect(parse("text\tlabel\n", "tsv")).toEqual([]);
  });
});

describe("JSON lines", () => {
  test("texts, pairs and labels; empty lines are no rows", () => {
    const lines = [
      '{"id":7,"text":"a\\nb","label":2}',
      "",
      '{"sentence":"c"}',
      '{"text":"d","sentence2":"e","label":null}',
      '{"text":"\\ud800","label":0}',
      '{"text":"f","text_pair":"g"}',
    ];
    expect(parse(lines.join("\n"), "jsonl")).toEqual([
      { text: "a\nb", label: 2, row: 1 },
      { text: "c", row: 3 },
      { text: ["d", "e"], row: 4 },
      { text: "\ud800", label: 0, row: 5 },
      { text: ["f", "g"], row: 6 },
    ]);
  });
});

test("plain text: a text per line", () => {
  expect(parse("first\r\n\n \nsecond\tline", "txt")).toEqual([
    { text: "first", row: 1 },
    { text: "second\tline", row: 4 },
  ]);
  expect(parse("", "txt")).toEqual([]);
});

describe("bad rows", () => {
  const header = "sentence\tlabel\n";
  const cases: [TextFormat, string, number, string][] = [
    ["tsv", "", 1, "expected a header"],
    ["tsv", "movie\tstars\na\t1\n", 1, "sentence or text"],
    ["tsv", `${header}a\t1\nb\n`, 3, "expected 2 fields (sentence, label); found 1"],
    ["tsv", `${header}a\t1\t2\n`, 2, "found 3"],
    ["tsv", `${header}a\t1\n\nb\t1\n`, 3, "found 1"],
    ["tsv", `${header}a\tgood\n`, 2, 'a label from 0 (an integer); found "good"'],
    ["tsv", `${header}a\t-1\n`, 2, '"-1"'],
    ["tsv", `${header}a\t\n`, 2, '""'],
    ["jsonl", '{"text":"a"}\n{"text":\n', 2, "expected JSON"],
    ["jsonl", "[1]\n", 1, "a JSON object"],
    ["jsonl", '{"body":"a"}', 1, "sentence or text"],
    ["jsonl", '{"__proto__":{"text":"a"}}', 1, "sentence or text"],
    ["jsonl", '{"text":5}', 1, 'a string for "text"; found "5"'],
    ["jsonl", '{"text":"a","sentence2":null}', 1, 'a string for "sentence2"'],
    ["jsonl", '{"text":"a","label":"1"}', 1, 'found "1"'],
    ["jsonl", '{"text":"a","label":0.5}', 1, "found 0.5"],
  ];

  test.each(cases)("%s %j", (format, text, row, reason) => {
    const error = caught(() => parse(text, format));
    expect(error).toMatchObject({ code: "ERR_DATA" });
    expect(error.message).toContain(`file: row ${row}: `);
    expect(error.message).toContain(reason);
  });

  test("bytes that are no UTF-8", () => {
    const broken = Uint8Array.of(...bytes("text\na\n"), 0xc3, 0x28, 0x0a);
    expect(() => parseTexts(broken, "tsv", "file")).toThrow("file: row 3: expected UTF-8");
  });

  test("a limit stops before them", () => {
    expect(parse(`${header}a\t1\nb\n`, "tsv", 1)).toHaveLength(1);
    expect(parse(`${header}a\t1\nb\n`, "tsv", 0)).toHaveLength(0);
  });
});

describe("files", () => {
  const write = (name: string, content: string | Uint8Array) => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };

  test("the name tells the format, gzipped or not", async () => {
    const json = '{"text":"a","label":1}\n';
    for (const path of [write("a.jsonl", json), write("a.jsonl.gz", gzipSync(json))]) {
      expect(await readTexts(path)).toEqual([{ text: "a", label: 1, row: 1 }]);
    }
    expect(await readTexts(write("a.tsv.gz", gzipSync("text\nx\ny\n")), { limit: 1 })).toEqual([{ text: "x", row: 2 }]);
    expect(await readTexts(write("a.dat", "x\n"), { format: "txt" })).toEqual([{ text: "x", row: 1 }]);
  });

  test("refused with the file's name", async () => {
    const cases: [string, object, string][] = [
      [join(directory, "nowhere.tsv"), {}, "ERR_FILE"],
      [write("a.csv", "text\n"), {}, "ERR_OPTION"],
      [write("a.txt.gz", "no gzip"), {}, "ERR_DATA"],
      [write("cut.txt.gz", gzipSync("text".repeat(99)).subarray(0, 20)), {}, "ERR_DATA"],
    ];
    for (const [path, options, code] of cases) {
      const error = await readTexts(path, options).then(
        () => undefined,
        (reason: Error) => reason,
      );
      expect(error).toMatchObject({ code });
      expect(error!.message).toContain(path);
    }
    await expect(readTexts("a.txt", { limt: 3 } as object)).rejects.toMatchObject({ code: "ERR_OPTION" });
    await expect(readTexts("a.txt", { limit: -1 })).rejects.toMatchObject({ code: "ERR_OPTION" });
  });

  test("a hundred megabytes", async () => {
    const line = `{"text":"${"a film of some length ".repeat(9)}","label":1}\n`;
    const path = write("large.jsonl", line.repeat(Math.ceil(1e8 / line.length)));
    expect((await readTexts(path)).length).toBeGreaterThan(400_000);
  });
});

describe("the published sets", () => {
  const sets: [string, number, number | undefined][] = [
    ["sst2/train.tsv", 67349, 2],
    ["sst2/dev.tsv", 872, 2],
    ["sst2/test_labelled.tsv", 1821, 2],
    ["imdb/test.jsonl.gz", 25000, 2],
    ["imdb/unsup.jsonl.gz", 49730, undefined],
    ["agnews/test.tsv", 7600, 4],
  ];

  for (const [name, count, labels] of sets) {
    const path = sharedFile(`data/${name}`);
    test.skipIf(!path)(name, async () => {
      const rows = await readTexts(path!);
      expect(rows.length).toBe(count);
      const found = new Set(rows.map((row) => row.label));
      const expected = labels === undefined ? [undefined] : Array.from({ length: labels }, (_, label) => label);
      expect([...found].sort()).toEqual(expected);
    });
  }
});

function caught(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected an error, found none");
}
