package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** How moments are stored. */
public enum States {
  /** As float. */
  F32(NativeConstants.HLM_STATES_F32),
  /** In two bytes, rounded stochastically. */
  BF16(NativeConstants.HLM_STATES_BF16),
  /** In a byte, with a scale for each 256. */
  INT8(NativeConstants.HLM_STATES_INT8),
  /** Of a plan: the most exact that fits. */
  AUTO(NativeConstants.HLM_STATES_AUTO);

  private final int value;

  States(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
