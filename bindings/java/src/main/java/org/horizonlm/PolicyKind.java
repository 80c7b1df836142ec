package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** The form of a policy's loss. */
public enum PolicyKind {
  /** Of PPO and GRPO. */
  CLIP(NativeConstants.HLM_POLICY_CLIP),
  /** No gradient through the ratio. */
  CISPO(NativeConstants.HLM_POLICY_CISPO);

  private final int value;

  PolicyKind(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
