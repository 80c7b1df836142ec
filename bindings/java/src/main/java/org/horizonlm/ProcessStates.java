package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** Who keeps masters, moments and sums of gradients where several processes share a step: no bit depends on it. */
public enum ProcessStates {
  /** Sharded where there are several processes. */
  AUTO(NativeConstants.HLM_PROCESS_STATES_AUTO),
  /** Each keeps and updates a share of every part; updated weights go to all others. */
  SHARDED(NativeConstants.HLM_PROCESS_STATES_SHARDED),
  /** Each keeps and updates everything. */
  REPLICATE(NativeConstants.HLM_PROCESS_STATES_REPLICATE);

  private final int value;

  ProcessStates(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
