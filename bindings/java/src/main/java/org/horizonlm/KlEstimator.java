package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** An estimator of the divergence, with d = logprob - reference. */
public enum KlEstimator {
  /** d. */
  K1(NativeConstants.HLM_KL_K1),
  /** The half of its square. */
  K2(NativeConstants.HLM_KL_K2),
  /** exp(-d) - 1 + d. */
  K3(NativeConstants.HLM_KL_K3),
  /** Its absolute value. */
  ABS(NativeConstants.HLM_KL_ABS);

  private final int value;

  KlEstimator(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
