package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** What an update does with experts that no token of the step chose. */
public enum Unrouted {
  /** Their gradient is zero: moments decay, weights move with them and decay. */
  ZERO(NativeConstants.HLM_UNROUTED_ZERO),
  /** They are left alone, and count their own updates. */
  SKIP(NativeConstants.HLM_UNROUTED_SKIP);

  private final int value;

  Unrouted(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
