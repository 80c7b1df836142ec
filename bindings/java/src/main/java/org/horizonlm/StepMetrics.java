package org.horizonlm;

import java.util.function.LongConsumer;
import org.horizonlm.internal.Native;

/**
 * What an optimizer step did.
 *
 * @param step from 1
 * @param loss of all accumulated since the last update; not finite where the model diverged or nothing was predicted
 * @param gradNorm before clipping
 * @param lr the learning rate
 * @param tokens predicted
 * @param seconds from the first accumulate to the end of apply
 * @param skipped loss or gradient not finite, or nothing predicted: no weight changed
 * @param skippedUnits with BACKWARD timing: units whose gradient was not finite
 */
public record StepMetrics(long step, double loss, double gradNorm, double lr, long tokens, double seconds, boolean skipped, long skippedUnits) {
  /** The metrics that a call writes into a native struct. */
  static StepMetrics of(LongConsumer call) {
    long struct = Native.new_hlm_step_metrics();
    try {
      call.accept(struct);
      return new StepMetrics(
          Native.hlm_step_metrics_step_get(struct),
          Native.hlm_step_metrics_loss_get(struct),
          Native.hlm_step_metrics_grad_norm_get(struct),
          Native.hlm_step_metrics_lr_get(struct),
          Native.hlm_step_metrics_tokens_get(struct),
          Native.hlm_step_metrics_seconds_get(struct),
          Native.hlm_step_metrics_skipped_get(struct) != 0,
          Native.hlm_step_metrics_skipped_units_get(struct));
    } finally {
      Native.delete_hlm_step_metrics(struct);
    }
  }
}
