package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** How several devices share a step: no bit depends on it. */
public enum Route {
  /** The faster one as predicted from this machine's measured rates. */
  AUTO(NativeConstants.HLM_ROUTE_AUTO),
  /** Each takes all weights from host memory, where gradients are added. */
  HOST(NativeConstants.HLM_ROUTE_HOST),
  /** Each takes a shard of them, gets the rest from the others and adds a shard of the gradients. */
  PEER(NativeConstants.HLM_ROUTE_PEER);

  private final int value;

  Route(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
