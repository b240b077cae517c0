/** What a model says has to be numbers: the one check between its arithmetic and whoever reads the answers. */
import { TaperError } from "../engine/errors.ts";

/** Weights that are not finite, or overflow, would otherwise answer with a label like any other. Throws ERR_CHECKPOINT. */
export function checkFinite(texts: readonly Float32Array[], what: string): void {
  for (let t = 0; t < texts.length; t++) {
    const values = texts[t];
    for (let i = 0; i < values.length; i++) {
      if (Number.isFinite(values[i])) continue;
      throw new TaperError(
        "ERR_CHECKPOINT",
        `forward(): the ${what} of text ${t} should be finite numbers, found ${values[i]}: weights are damaged or overflow; get the model anew.`,
      );
    }
  }
}
