package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** Where the inputs of blocks wait for the backward pass. */
public enum BlockInputs {
  /** The planner chooses. */
  AUTO(NativeConstants.HLM_BLOCK_INPUTS_AUTO),
  /** On the device. */
  DEVICE(NativeConstants.HLM_BLOCK_INPUTS_DEVICE),
  /** In host memory. */
  HOST(NativeConstants.HLM_BLOCK_INPUTS_HOST);

  private final int value;

  BlockInputs(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
