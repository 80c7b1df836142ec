package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** What ratios are of. */
public enum Ratio {
  /** Each token. */
  TOKEN(NativeConstants.HLM_RATIO_TOKEN),
  /** The whole document. */
  SEQUENCE(NativeConstants.HLM_RATIO_SEQUENCE);

  private final int value;

  Ratio(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
