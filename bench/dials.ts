/** The ways of running one model that an ablation compares: dense, one saving at a time, both, and the worst of all. */
import type { Abilities, Dials } from "../bert/dials.ts";

export const dense: Dials = { skim: false, exit: false };

export type WayName = "dense-padded" | "dense" | "skim" | "exit" | "both" | "worst";

/** As tables write them. */
export const wayTitles: Readonly<Record<WayName, string>> = {
  "dense-padded": "dense, padded",
  dense: "dense, ragged",
  skim: "+ skim",
  exit: "+ exit",
  both: "+ skim + exit",
  worst: "worst case",
};

/** Dials of each way that this model can run; ways that would be the same as another are left out. `padded` runs dense dials. */
export function ablationDials(dials: Dials, abilities: Abilities): Partial<Record<WayName, Dials>> {
  const { predictors, attentionThresholds, exitHeads } = abilities;
  const canSkim = (predictors || attentionThresholds) && dials.skim !== false;
  const canExit = exitHeads && dials.exit !== false;
  return {
    "dense-padded": dense,
    dense,
    ...(canSkim && { skim: { skim: dials.skim, exit: false } }),
    ...(canExit && { exit: { skim: false, exit: dials.exit } }),
    ...(canSkim && canExit && { both: dials }),
    ...((predictors || attentionThresholds || exitHeads) && { worst: worstCase(abilities) }),
  };
}

/**
 * Dials under which a model pays for all that it has and gains nothing: predictors score every row, attention reports importance, a head
 * reads [CLS] after every layer, and nobody ever leaves.
 */
export function worstCase({ predictors, attentionThresholds, exitHeads }: Abilities): Dials {
  return {
    skim: {
      ...(predictors && { keepThreshold: -1e30 }),
      ...(attentionThresholds && { attentionThreshold: 1e-30 }),
    },
    // A patience that no number of heads can reach; an entropy of 0 can be reached by rounding.
    exit: exitHeads ? { patience: Number.POSITIVE_INFINITY } : false,
  };
}
