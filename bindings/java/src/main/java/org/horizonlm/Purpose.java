package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** What a plan is for. */
public enum Purpose {
  /** Weights, remainders, moments, gradients. */
  TRAIN(NativeConstants.HLM_PURPOSE_TRAIN),
  /** Accumulate and read gradients, without optimizer states. */
  FORWARD_BACKWARD(NativeConstants.HLM_PURPOSE_FORWARD_BACKWARD),
  /** Evaluate and logits. */
  FORWARD(NativeConstants.HLM_PURPOSE_FORWARD);

  private final int value;

  Purpose(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
