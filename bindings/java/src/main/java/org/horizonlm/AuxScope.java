package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** Over which tokens the balancing loss of a mixture takes its means. */
public enum AuxScope {
  /** All of a call. */
  STEP(NativeConstants.HLM_AUX_SCOPE_STEP),
  /** Each reduction group: the share of one device. */
  GROUP(NativeConstants.HLM_AUX_SCOPE_GROUP),
  /** Each document. */
  SEQUENCE(NativeConstants.HLM_AUX_SCOPE_SEQUENCE);

  private final int value;

  AuxScope(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
