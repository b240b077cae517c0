/**
 * Rows of other libraries beside ours, from what `bench peers --json` printed. One that was not there is a row that says so: a comparison
 * that leaves out whom it could not run would flatter.
 */
import { show, TaperError } from "../../engine/errors.ts";

export interface PeerRow {
  readonly name: string;
  /** What was timed, in words. */
  readonly what?: string;
  readonly ms?: number;
  /** Its milliseconds ÷ ours of the same row. */
  readonly against?: number;
  /** The largest difference of its logits from ours. */
  readonly difference?: number;
  /** Why there are no figures. */
  readonly absent?: string;
}

/** Those that the project compares with, for reports that timed none. */
const knownPeers: readonly string[] = ["onnxruntime-node", "onnxruntime-web", "tfjs-wasm", "@huggingface/transformers"];

export const peersNotTimed: readonly PeerRow[] = knownPeers.map((name) => ({
  name,
  absent: "not installed, or not timed",
}));

interface Batches {
  readonly shape: string;
  readonly dtype?: string;
  readonly batches: readonly {
    readonly lengths: readonly number[];
    readonly rows: readonly {
      readonly by: string;
      readonly ms: { readonly median: number };
      readonly against?: Readonly<Record<string, number>>;
      readonly difference?: number;
    }[];
  }[];
  readonly missing?: readonly { readonly name: string; readonly absent: string }[];
}

/** Reads the parsed output of `bench peers --json`. Throws ERR_DATA for anything else. */
export function parsePeers(json: unknown, file: string): PeerRow[] {
  const found = json as Partial<Batches> | null;
  const fits =
    Array.isArray(found?.batches) &&
    found.batches.every(({ lengths, rows }) => {
      return Array.isArray(lengths) && Array.isArray(rows) && rows.every((row) => (row?.ms?.median ?? 0) > 0);
    });
  if (!fits) {
    throw new TaperError(
      "ERR_DATA",
      `${file}: expected what taperbert bench peers --json prints ("batches" with "rows"); found ${show(json)}.`,
    );
  }
  const { shape, dtype, batches, missing = [] } = found as Batches;
  const timed = batches.flatMap(({ lengths, rows }) =>
    rows.map(({ by, ms, against, difference }): PeerRow => {
      const what = lengths.length === 1 ? `${lengths[0]} tokens` : `${lengths.length} ragged texts`;
      const ours = Object.values(against ?? {})[0];
      return {
        name: by,
        what: `${shape}, ${dtype ?? "f32"}, ${what}`,
        ms: ms.median,
        ...(ours !== undefined && { against: ours }),
        ...(difference !== undefined && { difference }),
      };
    }),
  );
  return [...timed, ...missing.map(({ name, absent }): PeerRow => ({ name, absent }))];
}
