/**
 * A training run from beginning to end: the same config, data and number of workers give the same parameters, bit for bit, whether
 * or not the run was interrupted. Everything random is a function of the seed and the step. It prints nothing.
 */
import { availableParallelism } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { TaperError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import type { Variant } from "../kernels/assembler/variant.ts";
import { parseTrainConfig, type TrainConfig } from "./config.ts";
import { Crew, type CrewAnswer } from "./crew.ts";
import { askedIn, cut, deal, fingerprint, lengthOf, planEpoch } from "./dataset.ts";
import { sharedState } from "./exchange.ts";
import { layoutOfRun, type RunPlan } from "./learner.ts";
import { addSums, noSums, type Shard, type Sums } from "./objective.ts";
import { learningRateAt } from "./optimizer.ts";
import { firstValues, type Prepared, prepare } from "./prepare.ts";
import { RunDirectory } from "./run-directory.ts";
import { teach } from "./teacher.ts";

/** What to train, where, and who is told. */
export interface TrainOptions {
  readonly config: TrainConfig;
  /** Where the model and the run's own files go. */
  readonly directory: string;
  /** One replica each. Default: as many as the machine has processors. */
  readonly workers?: number | undefined;
  /** Go on from the directory's checkpoint. */
  readonly resume?: boolean | undefined;
  /** Which build of the WebAssembly backend; left out: the best without process-wide flags. */
  readonly variant?: Variant | undefined;
  /** Called after every step. */
  readonly onStep?: ((progress: StepProgress) => void) | undefined;
  /** Called with the held-out figures, each time they are taken. */
  readonly onMeasured?: ((figures: Measured) => void) | undefined;
  /** Called while the teacher answers, with texts done and of how many. */
  readonly onTaught?: ((done: number, of: number) => void) | undefined;
  /** Saves and stops after the step in progress; while teachers answer there is nothing to save, and `train` throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What one step did. */
export interface StepProgress {
  /** Steps done, of all. */
  readonly step: number;
  readonly steps: number;
  readonly sums: Sums;
  readonly tokens: number;
  readonly macs: number;
  readonly norm: number;
  readonly ms: number;
  /** In forward and backward, of the slowest worker. */
  readonly computeMs: number;
}

/** Figures on the held-out texts. */
export interface Measured {
  readonly step: number;
  readonly dense: Sums;
  /** With predictors and thresholds deciding; absent without either. */
  readonly skimmed?: Sums;
}

/** Where a run ended. */
export interface TrainResult {
  readonly step: number;
  readonly steps: number;
  readonly finished: boolean;
  readonly measured: Measured | undefined;
  readonly workers: number;
  readonly variant: string;
}

/** Steps between lines of the log. */
const logEvery = 20;

/** Throws the errors of reading configs, data and checkpoints before anything is computed. */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { config } = options;
  const workers = options.workers ?? availableParallelism();
  const directory = new RunDirectory(options.directory);
  await checkDirectory(directory, config, options.resume === true);
  const read = await prepare(config);
  const { config: modelConfig, taper, vocabulary } = read;
  const plan: RunPlan = { config: modelConfig, taper, vocabulary, train: config, workers };
  const layout = layoutOfRun(plan);
  const state = sharedState(layout, workers);
  await firstValues(config, taper, layout, state.values);
  // Before the workers start: they copy the parameters then.
  const stored = options.resume ? await directory.readCheckpoint(state) : undefined;
  // Only now: what cannot be read leaves no directory behind.
  await directory.create();
  const { variant } = options;
  const set = config.teacher
    ? await teach(
        config.teacher,
        read,
        { directory: options.directory, from: config.from, variant, threads: workers },
        options.onTaught,
        options.signal,
      )
    : read.set;
  const prepared = { ...read, set };
  const optimizer = { ...config.optimizer, apart: config.threshold?.learningRate };
  const crew = await Crew.start(workers, { plan, optimizer, state, set, variant });
  try {
    const identity = { workers, variant: crew.variant, data: fingerprint(set) };
    if (stored === undefined) await directory.begin(config);
    else directory.checkIdentity(stored, identity);
    await directory.writeHeldOut(prepared);
    const run = new Run(options, prepared, crew, directory, workers);
    const save = async (step: number): Promise<void> => {
      await directory.writeCheckpoint(state, step, identity);
      await directory.writeModel(config, prepared, layout, state.values);
    };
    return await run.go(stored?.step ?? 0, save);
  } finally {
    await crew.end();
  }
}

async function checkDirectory(directory: RunDirectory, config: TrainConfig, resume: boolean): Promise<void> {
  const stored = await directory.storedConfig();
  if (stored !== undefined && !resume) {
    throw new TaperError("ERR_OPTION", `${directory.path} holds a run already; resume it, or take another directory.`);
  }
  const others = stored === undefined ? await directory.modelOfOthers() : undefined;
  if (others !== undefined) {
    throw new TaperError(
      "ERR_OPTION",
      `${others} is of a model that no run made here, and would be lost; take another directory.`,
    );
  }
  if (stored === undefined && resume) {
    throw new TaperError("ERR_OPTION", `${directory.path} holds no run to resume.`);
  }
  // Read like any config, as an older version may have written the same another way.
  const before = stored === undefined ? config : parseTrainConfig(stored, `${directory.path}/train.json`);
  if (!isDeepStrictEqual(before, config)) {
    throw new TaperError(
      "ERR_CONFIG",
      `${directory.path}/train.json differs from this config; a run goes on unchanged.`,
    );
  }
}

class Run {
  private readonly options: TrainOptions;
  private readonly prepared: Prepared;
  private readonly crew: Crew;
  private readonly directory: RunDirectory;
  private readonly workers: number;

  constructor(options: TrainOptions, prepared: Prepared, crew: Crew, directory: RunDirectory, workers: number) {
    this.options = options;
    this.prepared = prepared;
    this.crew = crew;
    this.directory = directory;
    this.workers = workers;
  }

  async go(done: number, save: (step: number) => Promise<void>): Promise<TrainResult> {
    const { config, signal } = this.options;
    const epochSteps = Array.from({ length: config.epochs }, (_, epoch) => this.epoch(epoch).length);
    const steps = epochSteps.reduce((a, b) => a + b, 0);
    let step = 0;
    let saved = performance.now();
    let measured: Measured | undefined;
    let pending = noProgress;
    const result = (finished: boolean): TrainResult => {
      return { step, steps, finished, measured, workers: this.workers, variant: this.crew.variant };
    };
    for (const [epoch, length] of epochSteps.entries()) {
      if (step + length <= done) {
        step += length;
        continue;
      }
      for (const batch of this.epoch(epoch)) {
        if (step < done) {
          step++;
          continue;
        }
        const progress = await this.step(batch, step, steps);
        step++;
        this.options.onStep?.(progress);
        pending = addProgress(pending, progress);
        if (step % logEvery === 0 || step === steps) {
          await this.directory.log(logRecord(pending, step, steps, learningRateAt(config.optimizer, step - 1, steps)));
          pending = noProgress;
        }
        if (step % config.evaluateEvery === 0 || step === steps) measured = await this.measure(step, step / steps);
        if (step === steps) break;
        if (signal?.aborted) {
          await save(step);
          return result(false);
        }
        if (performance.now() - saved > config.checkpointMinutes * 60_000) {
          await save(step);
          saved = performance.now();
        }
      }
    }
    if (steps === 0) measured = await this.measure(0, 1);
    // A run that had ended keeps what was made of it since: dials, a certificate.
    const isSaved = steps > 0 && done === steps && (await this.directory.hasModelOfCheckpoint());
    if (!isSaved) await save(step);
    return result(true);
  }

  private epoch(epoch: number): number[][] {
    const { config } = this.options;
    const { set, learn } = this.prepared;
    return planEpoch(set, learn, config.tokensPerStep, new Random(`${config.seed} epoch ${epoch}`));
  }

  private async step(batch: readonly number[], step: number, steps: number): Promise<StepProgress> {
    const start = performance.now();
    const { config } = this.options;
    const share = config.skim?.denseShare ?? 0;
    const dense = new Random(`${config.seed} dense ${step}`).uniform() < share;
    const shards = this.shards(batch, `${config.seed} step ${step}`, { progress: step / steps, learns: true, dense });
    const answer: CrewAnswer = await this.crew.step(shards, step, steps);
    if (!Number.isFinite(answer.norm)) {
      throw new TaperError(
        "ERR_INPUT",
        `step ${step + 1}: the gradient is ${answer.norm}; lower the learning rate, or raise its warm-up.`,
      );
    }
    return { ...answer, step: step + 1, steps, tokens: shards[0].batchTokens, ms: performance.now() - start };
  }

  /** Figures on the held-out texts; undefined if there are none. */
  private async measure(step: number, progress: number): Promise<Measured | undefined> {
    const { config, onMeasured } = this.options;
    const { set, heldOut } = this.prepared;
    if (heldOut.length === 0) return undefined;
    const batches = cut(set, heldOut, config.tokensPerStep);
    const over = async (dense: boolean): Promise<Sums> => {
      let sums = noSums;
      for (const [i, batch] of batches.entries()) {
        // The same noise each time, so that figures differ by what was learned only.
        const shards = this.shards(batch, `${config.seed} measure ${i}`, { progress: 1, learns: false, dense });
        sums = addSums(sums, (await this.crew.measure(shards)).sums);
      }
      return sums;
    };
    const skims = config.skim !== undefined && progress >= config.skim.from;
    const isSkimming = skims || config.threshold !== undefined;
    const measured = { step, dense: await over(true), ...(isSkimming && { skimmed: await over(false) }) };
    await this.directory.log({ kind: "held out", step, ...figures(measured.dense), ...skimmedFigures(measured) });
    onMeasured?.(measured);
    return measured;
  }

  private shards(
    batch: readonly number[],
    seed: string,
    how: Pick<Shard, "progress" | "learns" | "dense">,
  ): readonly Shard[] {
    const { set } = this.prepared;
    const batchTokens = batch.reduce((sum, text) => sum + lengthOf(set, text), 0);
    const batchAsked = batch.reduce((sum, text) => sum + askedIn(set, text), 0);
    return deal(set, batch, this.workers).map((texts, worker) => {
      return { ...how, texts, batchTexts: batch.length, batchAsked, batchTokens, seed: `${seed} worker ${worker}` };
    });
  }
}

type Pending = Pick<StepProgress, "sums" | "tokens" | "macs" | "norm" | "ms" | "computeMs">;

export const noProgress: Pending = { sums: noSums, tokens: 0, macs: 0, norm: 0, ms: 0, computeMs: 0 };

/** Sums of everything but the norm, of which the largest is kept. */
export function addProgress(a: Pending, b: Pending): Pending {
  return {
    sums: addSums(a.sums, b.sums),
    tokens: a.tokens + b.tokens,
    macs: a.macs + b.macs,
    norm: Math.max(a.norm, b.norm),
    ms: a.ms + b.ms,
    computeMs: a.computeMs + b.computeMs,
  };
}

/** Means of sums, rounded to what they can tell. */
export function figures(sums: Sums): { loss: number; accuracy: number; kept?: number; exits?: number[] } {
  const mean = (value: number): number => Number((value / Math.max(1, sums.asked)).toFixed(5));
  return {
    loss: mean(sums.loss),
    accuracy: mean(sums.correct),
    ...(sums.keepable > 0 && { kept: Number((sums.kept / sums.keepable).toFixed(4)) }),
    ...(sums.exitCorrect.length > 0 && { exits: sums.exitCorrect.map(mean) }),
  };
}

function skimmedFigures({ skimmed }: Measured): object {
  return skimmed === undefined ? {} : { skimmed: figures(skimmed) };
}

function logRecord(pending: Pending, step: number, steps: number, rate: number): object {
  return {
    kind: "train",
    step,
    steps,
    rate,
    ...figures(pending.sums),
    norm: Number(pending.norm.toPrecision(4)),
    tokensPerSecond: Math.round((1000 * pending.tokens) / pending.ms),
    gflops: Number(((2 * pending.macs) / pending.ms / 1e6).toFixed(1)),
    computeShare: Number((pending.computeMs / pending.ms).toFixed(3)),
  };
}
