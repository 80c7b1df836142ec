package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** How what is trained is found. */
public enum Mask {
  /** The first of the following that the template allows. */
  AUTO(NativeConstants.HLM_MASK_AUTO),
  /** What the template marks. */
  TAGS(NativeConstants.HLM_MASK_TAGS),
  /** What a turn adds to the prompt that inference would have seen. */
  SPANS(NativeConstants.HLM_MASK_SPANS),
  /** A sequence for each trained turn. */
  UNROLL(NativeConstants.HLM_MASK_UNROLL);

  private final int value;

  Mask(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
