/**
 * Two reports of `bench latency --json`, from two times or two machines: milliseconds per text, each divided by its own run's timing loop.
 * A yardstick for one core's arithmetic is not one for caches or memory, so the least effect is larger than within one run.
 */
import { show, TaperError } from "../engine/errors.ts";
import { bootstrap } from "./bootstrap.ts";
import { type Verdict, verdictOf } from "./compare.ts";
import type { LatencyReport } from "./latency.ts";
import { mean, sum } from "./statistics.ts";

/** A change between two runs is one only if all of its interval lies beyond this. */
export const leastEffectOfReports = 0.1;

export interface ReportChange {
  /** A row of the ablation. */
  readonly what: string;
  readonly aMs: number;
  readonly bMs: number;
  /** B ÷ A, each in its own run's timing loops. */
  readonly ratio: number;
  /** 95 %, bootstrap over texts, widened by how far both timing loops wandered. */
  readonly low: number;
  readonly high: number;
  readonly verdict: Verdict;
}

/** Rows that both have. Throws ERR_INPUT for reports of other texts, or with no row in common. */
export function compareReports(a: LatencyReport, b: LatencyReport, least = leastEffectOfReports): ReportChange[] {
  if (a.textsHash !== b.textsHash) {
    throw new TaperError(
      "ERR_INPUT",
      `compare: expected two reports of the same texts, found ${a.texts} texts (${a.textsHash}) and ${b.texts} (${b.textsHash}); run both with the same --data and --limit.`,
    );
  }
  const loops = [a.fingerprint.timingLoop, b.fingerprint.timingLoop];
  const speed = loops[0].ms / loops[1].ms;
  const wander = 1 + loops[0].spread + loops[1].spread;
  const changes = a.ablation.flatMap((row): ReportChange[] => {
    const other = b.ablation.find(({ name }) => name === row.name);
    if (other === undefined) return [];
    const texts = Math.min(row.latency.textMs.length, other.latency.textMs.length);
    const pairs = row.latency.textMs.slice(0, texts).map((ms, t): [number, number] => [ms, other.latency.textMs[t]]);
    const ratioOf = (of: readonly [number, number][]): number =>
      (speed * sum(of.map(([, ms]) => ms))) / sum(of.map(([ms]) => ms));
    const interval = bootstrap(pairs, ratioOf);
    const [low, high] = [interval.low / wander, interval.high * wander];
    const [aMs, bMs] = [mean(pairs.map(([ms]) => ms)), mean(pairs.map(([, ms]) => ms))];
    return [{ what: row.title, aMs, bMs, ratio: ratioOf(pairs), low, high, verdict: verdictOf(low, high, least) }];
  });
  if (changes.length > 0) return changes;
  throw new TaperError("ERR_INPUT", "compare: the two reports have no row of the ablation in common.");
}

/** A parsed file as a report. Throws ERR_DATA if it is none. */
export function parseReport(json: unknown, file: string): LatencyReport {
  const report = json as Partial<LatencyReport> | null;
  const rows = report?.ablation;
  const fits =
    report?.kind === "latency" &&
    Array.isArray(rows) &&
    rows.every((row) => Array.isArray(row?.latency?.textMs)) &&
    (report.fingerprint?.timingLoop?.ms ?? 0) > 0;
  if (fits) return report as LatencyReport;
  throw new TaperError(
    "ERR_DATA",
    `${file}: expected what taperbert bench latency --json prints ("kind": "latency", "ablation", "fingerprint"); found ${show(json)}.`,
  );
}
