/** A worker thread of `taperbert classify --jsonl`: one model, answering lines. Bundled as dist/classify-worker.js; jsonl-crew.ts starts it. */
import { parentPort, workerData } from "node:worker_threads";
import type { Dials } from "../bert/dials.ts";
import { type ErrorCode, TaperError } from "../engine/errors.ts";
import type { Values } from "./flags.ts";
import { type AnsweredLines, answerLines, type NumberedLine } from "./jsonl-lines.ts";
import { type backendFlags, openModel } from "./model-flags.ts";

export interface CrewStart {
  readonly directory: string;
  readonly values: Values<typeof backendFlags>;
  readonly dials: Dials;
}

export type CrewAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: "lines"; readonly answered: AnsweredLines };

const post = (answer: CrewAnswer): void => parentPort?.postMessage(answer);
const { directory, values, dials } = workerData as CrewStart;

try {
  const model = await openModel(directory, values);
  parentPort?.on("message", (lines: readonly NumberedLine[]) => {
    answerLines(model, lines, dials).then(
      (answered) => post({ kind: "lines", answered }),
      (error) => {
        // An uncaught error ends the thread, which is how the crew learns of it.
        setImmediate(() => {
          throw error;
        });
      },
    );
  });
  post({ kind: "ready" });
} catch (error) {
  if (!(error instanceof TaperError)) throw error;
  post({ kind: "refused", code: error.code, message: error.message });
}
