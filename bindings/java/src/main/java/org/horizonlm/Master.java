package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** Whether weights have a remainder beside their bf16 form. */
public enum Master {
  /** Exact: the bf16 weight and a remainder. */
  SPLIT(NativeConstants.HLM_MASTER_SPLIT),
  /** bf16 weights, rounded stochastically. */
  NONE(NativeConstants.HLM_MASTER_NONE),
  /** NONE only where nothing more exact fits. */
  AUTO(NativeConstants.HLM_MASTER_AUTO);

  private final int value;

  Master(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
