/** What a page and its pipeline's worker say to each other, and errors as messages. Both ends are of one build: nothing is versioned. */
import { type ErrorCode, TaperError } from "../engine/errors.ts";
import type { PipelineTask } from "./tasks.ts";

/** `id` numbers the calls; the answer has the same. */
export type Request =
  | {
      readonly kind: "load";
      readonly id: number;
      readonly task: PipelineTask;
      readonly source: unknown;
      readonly options: object;
    }
  | { readonly kind: "call"; readonly id: number; readonly args: readonly unknown[]; readonly abortable: boolean }
  | { readonly kind: "abort"; readonly id: number }
  | { readonly kind: "dispose"; readonly id: number };

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: SentError };

interface SentError {
  readonly code?: ErrorCode;
  readonly name: string;
  readonly message: string;
}

/** Texts before the options, in a call of a task. */
export const inputsOf = (task: PipelineTask): number => (task === "question-answering" ? 2 : 1);

export function packError(error: unknown): SentError {
  const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
  return { name, message, ...(error instanceof TaperError && { code: error.code }) };
}

export function unpackError({ code, name, message }: SentError): Error {
  if (code !== undefined) return new TaperError(code, message);
  return Object.assign(new Error(message), { name });
}
