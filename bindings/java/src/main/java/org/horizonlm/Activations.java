package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** Which activations are kept for the backward pass. */
public enum Activations {
  /** The planner chooses. */
  AUTO(NativeConstants.HLM_ACTIVATIONS_AUTO),
  /** All that the backward pass reads. */
  KEEP(NativeConstants.HLM_ACTIVATIONS_KEEP),
  /** What is dear to compute. */
  KEEP_CHEAP(NativeConstants.HLM_ACTIVATIONS_KEEP_CHEAP),
  /** The inputs of blocks only. */
  RECOMPUTE(NativeConstants.HLM_ACTIVATIONS_RECOMPUTE);

  private final int value;

  Activations(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
