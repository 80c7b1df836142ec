package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** How weights are updated. */
public enum OptimizerAlgorithm {
  /** With decoupled decay. */
  ADAMW(NativeConstants.HLM_OPTIMIZER_ADAMW),
  /** Decay is added to the gradient. */
  ADAM(NativeConstants.HLM_OPTIMIZER_ADAM),
  /** With momentum; one moment. */
  SGD(NativeConstants.HLM_OPTIMIZER_SGD),
  /** By the sign; one moment. */
  LION(NativeConstants.HLM_OPTIMIZER_LION);

  private final int value;

  OptimizerAlgorithm(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
