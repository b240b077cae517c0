/**
 * What answers are taught from outside: (1 − w) · cross-entropy with labels + w · divergence from a teacher's answers. Without a teacher
 * w is 0. An answer without a label learns from the teacher alone. It knows no model.
 */
import type { Handle } from "../../engine/backend.ts";
import { probabilities } from "../../exit/criteria.ts";
import type { TeacherTraining } from "../parts.ts";
import type { Seed, Tape } from "../tape.ts";

export class Lessons {
  private readonly tape: Tape;
  private readonly c: number;
  private readonly teacher: TeacherTraining | undefined;
  private readonly labels: Handle;
  private readonly targets: Handle;
  /** Of each head in turn. */
  private readonly fromLabels: readonly Handle[];
  private readonly fromTeacher: readonly Handle[];

  /** For `heads` heads that give logits [n, c], n ≤ capacity. */
  constructor(tape: Tape, heads: number, capacity: number, c: number, teacher: TeacherTraining | undefined) {
    const list = (count: number): Handle[] => Array.from({ length: count }, () => tape.allocate(capacity));
    this.tape = tape;
    this.c = c;
    this.teacher = teacher;
    this.labels = tape.allocate(capacity, "i32");
    this.targets = tape.allocate(teacher ? capacity * c : 0);
    this.fromLabels = list(heads);
    this.fromTeacher = list(teacher ? heads : 0);
  }

  /** Compares every head's logits [n, c] with labels [n] (−1: none) and, where there is a teacher, with its logits [n, c]. */
  give(logits: readonly Handle[], labels: ArrayLike<number>, taught: Float32Array): void {
    const { tape, c, teacher } = this;
    const n = labels.length;
    tape.write(this.labels, labels);
    if (teacher) tape.write(this.targets, softened(taught, c, teacher.temperature));
    for (const [i, handle] of logits.entries()) {
      tape.op("crossEntropy", { loss: this.fromLabels[i], logits: handle, labels: this.labels, n, c });
      if (!teacher) continue;
      const { temperature } = teacher;
      const loss = this.fromTeacher[i];
      tape.op("distillation", { loss, logits: handle, targets: this.targets, temperature, n, c });
    }
  }

  /** Where the lessons of head `i` begin to be learned, each answer with the weight that `each` gives for a factor. */
  seeds(i: number, each: (factor: number) => Float32Array): Seed[] {
    const w = this.teacher?.weight ?? 0;
    const seeds: Seed[] = [];
    if (w < 1) seeds.push({ handle: this.fromLabels[i], gradient: each(1 - w) });
    if (w > 0) seeds.push({ handle: this.fromTeacher[i], gradient: each(w) });
    return seeds;
  }

  /** Σ cross-entropy of head `i` with the labels that there are. */
  async loss(i: number, n: number): Promise<number> {
    const losses = await this.tape.read(this.fromLabels[i], n);
    return losses.reduce((a, b) => a + b, 0);
  }
}

/** Row by row softmax of logits ÷ temperature. */
export function softened(logits: Float32Array, c: number, temperature: number): Float32Array {
  const soft = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += c) {
    const row = logits.subarray(start, start + c).map((logit) => logit / temperature);
    soft.set(probabilities(row), start);
  }
  return soft;
}
