package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** What is read or written of a tensor. */
public enum TensorKind {
  /** The fp32 weight. */
  WEIGHT(NativeConstants.HLM_TENSOR_WEIGHT),
  /** The gradient, between accumulate and apply. */
  GRADIENT(NativeConstants.HLM_TENSOR_GRADIENT),
  /** AdamW's first moment. */
  FIRST_MOMENT(NativeConstants.HLM_TENSOR_FIRST_MOMENT),
  /** AdamW's second moment. */
  SECOND_MOMENT(NativeConstants.HLM_TENSOR_SECOND_MOMENT);

  private final int value;

  TensorKind(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
