/** What a model says has to be numbers: the one check between its arithmetic and whoever reads the answers. */
import { TaperError } from "../engine/errors.ts";

/** Weights that are not finite, or overflow, would otherwise answer with a label like any other. Throws ERR_CHECKPOINT. */
export function checkFinite(texts: readonly Float32Array[], what: string): void {
  for (const [t, values] of texts.entries()) {
    const wrong = values.find((value) => !Number.isFinite(value));
    if (wrong === undefined) continue;
    throw new TaperError(
      "ERR_CHECKPOINT",
      `forward(): the ${what} of text ${t} should be finite numbers, found ${wrong}: weights are damaged or overflow; get the model anew.`,
    );
  }
}
