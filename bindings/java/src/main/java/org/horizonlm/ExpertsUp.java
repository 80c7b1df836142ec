package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** Which experts of a mixture go up: no bit depends on it. */
public enum ExpertsUp {
  /** Routed where tokens are so few that it is faster as predicted, else all. */
  AUTO(NativeConstants.HLM_EXPERTS_UP_AUTO),
  /** All, ahead of their turn. */
  ALL(NativeConstants.HLM_EXPERTS_UP_ALL),
  /** Those that a row of the sweep chose, once the router has run. */
  ROUTED(NativeConstants.HLM_EXPERTS_UP_ROUTED);

  private final int value;

  ExpertsUp(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
