/** Every peer that is installed computes what we compute; none that is absent is an error. `npm --prefix bench/peers ci` installs them. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { openPeer, openTransformers, peerNames, sameIds } from "../../bench/peers/index.ts";
import { modelOf } from "../../bench/random-model.ts";
import { sameLogits } from "../../bench/same-logits.ts";
import { type BertConfig, configOfShape } from "../../bert/config.ts";
import { createTokenizer, type TokenizerOptions } from "../../bert/tokenizer/tokenizer.ts";
import { Random } from "../../engine/random.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { randomIds } from "../support/random-bert.ts";

const config: BertConfig = configOfShape(
  { layers: 2, d: 24, h: 2, f: 40 },
  { vocabulary: 50, maxPositions: 40, labels: ["no", "yes", "maybe"] },
);

/** Nothing is zero or one: biases, normalisations and segment embeddings count as well. */
function read(name: string, shape: readonly number[]): Float32Array {
  const random = new Random([...name].reduce((seed, letter) => (31 * seed + letter.charCodeAt(0)) % 65_521, 7));
  const around = name.endsWith("LayerNorm.weight") ? 1 : 0;
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => around + 0.3 * random.normal());
}

const expected = async (ids: readonly (readonly number[])[]) => {
  const model = modelOf(config, {}, scalarBackend(), read);
  const { logits } = await model.forward(ids);
  await model.dispose();
  return logits;
};

const peers = await Promise.all(peerNames.map(openPeer));
for (const peer of peers) if ("absent" in peer) console.info(`skipped: ${peer.name}: ${peer.absent}`);

it("an absent peer says what to do", () => {
  for (const peer of peers) if ("absent" in peer) expect(peer.absent).toMatch(/npm --prefix bench\/peers ci/);
  expect(peers.map(({ name }) => name)).toEqual(peerNames);
});

describe.each(peers.flatMap((peer) => ("absent" in peer ? [] : [peer])))("$name", (peer) => {
  it("multiplies as we do, with a bias and without", async () => {
    const random = new Random(1);
    const values = (length: number) => Float32Array.from({ length }, () => random.normal());
    const [n, k, m] = [5, 12, 7];
    const [a, weights, bias] = [values(n * k), values(k * m), values(m)];
    for (const added of [undefined, bias]) {
      const exact = Float64Array.from({ length: n * m }, (_, at) => {
        const [i, j] = [Math.floor(at / m), at % m];
        let sum = added?.[j] ?? 0;
        for (let l = 0; l < k; l++) sum += a[i * k + l] * weights[l * m + j];
        return sum;
      });
      for (const dtype of peer.dtypes) {
        const session = await peer.product({ k, m, weights, bias: added }, { dtype });
        const out = await session.run(a, n);
        expect(out.length).toBe(n * m);
        const error = Math.max(...exact.map((value, at) => Math.abs(value - out[at])));
        expect(error, dtype).toBeLessThan(dtype === "f32" ? 1e-5 : 0.2);
        await session.dispose();
      }
    }
  });

  it("gives the logits of a ragged batch, padded, and of a text alone", async () => {
    const ids = [...randomIds(new Random(2), 5, config), [1, 2, 3]];
    const batch = await peer.bert({ config, read }, { padding: true });
    sameLogits(await batch.run(ids), await expected(ids), peer.name);
    await batch.dispose();
    const alone = await peer.bert({ config, read });
    sameLogits(await alone.run([ids[0]]), await expected([ids[0]]), peer.name);
    await expect(alone.run([[1], [1, 2]])).rejects.toMatchObject({ code: "ERR_INPUT" });
    await alone.dispose();
  });

  it.runIf(peer.dtypes.includes("int8"))("in 8 bits is near", async () => {
    const ids = [[1, 2, 3, 4, 5, 6]];
    const session = await peer.bert({ config, read }, { dtype: "int8" });
    const logits = await session.run(ids);
    const exact = await expected(ids);
    expect(sameLogits(logits, exact, peer.name, 0.3)).toBeGreaterThan(0);
    await session.dispose();
  });
});

const reader = await openTransformers();
if ("absent" in reader) console.info(`skipped: ${reader.name}: ${reader.absent}`);

describe.skipIf("absent" in reader)("@huggingface/transformers", () => {
  const words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "good", "film", "##s", "!", "cafe", "京"];
  const texts = ["A good films!", "café 京 unheard [MASK]", "", "a a a a a a a a a a a a"];
  it("makes our tokens and logits of texts, and leaves no files", async () => {
    if ("absent" in reader) return;
    // Other processes have files in the usual place.
    const place = mkdtempSync(join(tmpdir(), "peers-test-"));
    vi.stubEnv("TMPDIR", place);
    onTestFinished(() => {
      vi.unstubAllEnvs();
      rmSync(place, { recursive: true });
    });
    const ours: TokenizerOptions = { vocabulary: words, maxLength: 9 };
    const ids = texts.map((text) => createTokenizer(ours).encode(text, { maxLength: 9 }).ids);
    for (const dtype of reader.dtypes) {
      const session = await reader.open({ config, read }, ours, { dtype });
      for (const [t, text] of texts.entries()) {
        const found = session.ids(text);
        // It cuts the last text off without its [SEP].
        expect(sameIds(found, ids[t], { who: reader.name, t, maxLength: 9 })).toBe(t < 3);
        const [logits] = await expected([found]);
        sameLogits([await session.logits(text)], [logits], reader.name, dtype === "f32" ? 1e-4 : 0.3);
        const best = logits.indexOf(Math.max(...logits));
        if (dtype === "f32") expect(await session.run(text)).toMatchObject([{ label: config.labels[best] }]);
      }
      await session.dispose();
    }
    expect(readdirSync(place).filter((name) => name.startsWith("taperbert-peer-"))).toEqual([]);
  });

  it("keeps case and accents where the model does", async () => {
    if ("absent" in reader) return;
    const ours: TokenizerOptions = { vocabulary: [...words, "Café", "Good"], lowercase: false };
    const session = await reader.open({ config, read }, ours);
    const text = "Good Café cafe";
    expect(session.ids(text)).toEqual(createTokenizer(ours).encode(text).ids);
    await session.dispose();
  });
});

it("refuses other tokens, but for the [SEP] of a text that was cut off", () => {
  const same = (found: readonly number[], maxLength: number) => sameIds(found, [1, 2], { who: "a", t: 0, maxLength });
  expect(same([1, 2], 2)).toBe(true);
  expect(same([1, 3], 2)).toBe(false);
  for (const found of [[1], [1, 3], [1, 2, 3]]) expect(() => same(found, 3)).toThrow(/^a: .*text 0/);
  expect(() => same([3, 2], 2)).toThrow(/at 0 \(3 for 1\)/);
});

it("refuses other logits, other shapes and NaN", () => {
  const [a, b] = [[Float32Array.of(1, 2)], [Float32Array.of(1, 2.001)]];
  expect(sameLogits(a, a, "a")).toBe(0);
  expect(sameLogits(a, b, "a", 0.01)).toBeCloseTo(0.001);
  for (const found of [b, [...a, ...a], [Float32Array.of(1)], [Float32Array.of(1, Number.NaN)]]) {
    expect(() => sameLogits(found, a, "a")).toThrow(/^a: /);
  }
});
