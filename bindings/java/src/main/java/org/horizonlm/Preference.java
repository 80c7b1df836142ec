package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** The form of a loss on pairs; docs/objectives.md has the formulas. */
public enum Preference {
  /** DPO. */
  SIGMOID(NativeConstants.HLM_PREFERENCE_SIGMOID),
  /** DPO with labels that may be wrong. */
  ROBUST(NativeConstants.HLM_PREFERENCE_ROBUST),
  /** The hinge of the margin. */
  HINGE(NativeConstants.HLM_PREFERENCE_HINGE),
  /** IPO. */
  IPO(NativeConstants.HLM_PREFERENCE_IPO),
  /** DPO by length. */
  SIGMOID_NORM(NativeConstants.HLM_PREFERENCE_SIGMOID_NORM),
  /** EXO. */
  EXO_PAIR(NativeConstants.HLM_PREFERENCE_EXO_PAIR),
  /** NCA. */
  NCA_PAIR(NativeConstants.HLM_PREFERENCE_NCA_PAIR),
  /** BCO. */
  BCO_PAIR(NativeConstants.HLM_PREFERENCE_BCO_PAIR),
  /** SPPO. */
  SPPO_HARD(NativeConstants.HLM_PREFERENCE_SPPO_HARD),
  /** APO, zero. */
  APO_ZERO(NativeConstants.HLM_PREFERENCE_APO_ZERO),
  /** APO, down. */
  APO_DOWN(NativeConstants.HLM_PREFERENCE_APO_DOWN),
  /** ORPO; no reference. */
  ORPO(NativeConstants.HLM_PREFERENCE_ORPO),
  /** SimPO; no reference. */
  SIMPO(NativeConstants.HLM_PREFERENCE_SIMPO);

  private final int value;

  Preference(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
