package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** What carries arrays between the processes of a group: no bit depends on it. */
public enum Carrier {
  /** Gradients and weights by NCCL where every process trains on GPUs and finds it, all else by Gloo. */
  AUTO(NativeConstants.HLM_CARRIER_AUTO),
  /** Gloo over TCP, from host memory. */
  GLOO(NativeConstants.HLM_CARRIER_GLOO),
  /** As AUTO, and a trainer without NCCL is refused. */
  NCCL(NativeConstants.HLM_CARRIER_NCCL),
  /** MPI, which has started the processes. */
  MPI(NativeConstants.HLM_CARRIER_MPI);

  private final int value;

  Carrier(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
