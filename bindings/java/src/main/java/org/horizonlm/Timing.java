package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** When the optimizer runs. */
public enum Timing {
  /** Beside the next step's forward pass. */
  NEXT_FORWARD(NativeConstants.HLM_TIMING_NEXT_FORWARD),
  /** Each unit as soon as its gradient is down; no clipping. */
  BACKWARD(NativeConstants.HLM_TIMING_BACKWARD),
  /** Before the step returns. */
  SERIAL(NativeConstants.HLM_TIMING_SERIAL),
  /** Chosen: NEXT_FORWARD with clipping; without, it or BACKWARD. */
  AUTO(NativeConstants.HLM_TIMING_AUTO);

  private final int value;

  Timing(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
