package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** What an update of the optimizer is made of on the host. */
public enum OptimizerPath {
  /** The faster one by this machine's measured rates; of an {@link Optimizer} FUSED. */
  AUTO(NativeConstants.HLM_PATH_AUTO),
  /** One fused loop: the same bits on every machine. */
  FUSED(NativeConstants.HLM_PATH_FUSED),
  /** The primitives of oneDNN: AdamW with f32 states and an exact master only. */
  ONEDNN(NativeConstants.HLM_PATH_ONEDNN);

  private final int value;

  OptimizerPath(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
