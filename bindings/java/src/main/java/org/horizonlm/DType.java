package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** Types of numbers. */
public enum DType {
  /** IEEE 754 single precision. */
  F32(NativeConstants.HLM_DTYPE_F32),
  /** The upper half of F32. */
  BF16(NativeConstants.HLM_DTYPE_BF16),
  /** IEEE 754 half precision. */
  F16(NativeConstants.HLM_DTYPE_F16),
  /** When saving: the type of the source's weights, BF16 for those that it has packed (fp8, MXFP4). */
  AUTO(NativeConstants.HLM_DTYPE_AUTO),
  /** When saving: as AUTO, but packed weights are packed again, as the source has them. */
  SOURCE(NativeConstants.HLM_DTYPE_SOURCE);

  private final int value;

  DType(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
