package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** The course of the learning rate. */
public enum Schedule {
  /** Constant after the warm-up. */
  CONSTANT(NativeConstants.HLM_SCHEDULE_CONSTANT),
  /** Falling on a line. */
  LINEAR(NativeConstants.HLM_SCHEDULE_LINEAR),
  /** Falling on a cosine. */
  COSINE(NativeConstants.HLM_SCHEDULE_COSINE);

  private final int value;

  Schedule(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
