package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** What offsets into a text count. */
public enum OffsetUnit {
  /** Bytes of UTF-8. */
  BYTES(NativeConstants.HLM_OFFSETS_BYTES),
  /** Code points. */
  CHARACTERS(NativeConstants.HLM_OFFSETS_CHARACTERS),
  /** As String counts. */
  UTF16(NativeConstants.HLM_OFFSETS_UTF16);

  private final int value;

  OffsetUnit(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
