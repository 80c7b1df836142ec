package org.horizonlm;

import org.horizonlm.internal.Native;

/** The weights of a trainer as they were at one moment; {@link Trainer#keepWeights} makes them. They may be closed after the trainer's end as well. */
public final class Weights extends Handle {
  Weights(long box) {
    super(box, Native::hlm_weights_close, Native::hlm_weights_closed, Native::hlm_weights_free);
  }
}
