package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** How tokens' losses become the step's. */
public enum Reduction {
  /** Sum over tokens by tokens of the step. */
  TOKEN_MEAN(NativeConstants.HLM_REDUCTION_TOKEN_MEAN),
  /** Mean over a document's tokens, mean over documents. */
  SEQUENCE_MEAN(NativeConstants.HLM_REDUCTION_SEQUENCE_MEAN),
  /** Sum over tokens by documents of the step. */
  SEQUENCE_SUM(NativeConstants.HLM_REDUCTION_SEQUENCE_SUM);

  private final int value;

  Reduction(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
