package org.horizonlm;

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
 * @param meanTokenAccuracy of the predicted tokens the share that was the likeliest; -1 without tokenMetrics
 * @param entropy mean over the predictions, in nats; -1 without tokenMetrics
 * @param auxLoss the routers' balancing loss without its coefficient; -1 where the loss has no such term
 * @param routerZLoss the mean of logsumexp(router logits)^2; -1 where the loss has no such term
 * @param expertImbalance the most tokens of an expert over the mean, in the layer where that is largest; -1 without experts
 * @param unroutedExperts the share of experts, of all layers, that no token chose; -1 without experts
 */
public record StepMetrics(long step, double loss, double gradNorm, double lr, long tokens, double seconds, boolean skipped, long skippedUnits,
    double meanTokenAccuracy, double entropy, double auxLoss, double routerZLoss, double expertImbalance, double unroutedExperts) {
  private static final int MEMBERS = StepMetrics.class.getRecordComponents().length;

  interface Call {
    void into(double[] out);
  }

  /** The metrics that a call writes, in the order of the members. */
  static StepMetrics of(Call call) {
    double[] m = new double[MEMBERS];
    call.into(m);
    return new StepMetrics((long) m[0], m[1], m[2], m[3], (long) m[4], m[5], m[6] != 0, (long) m[7], m[8], m[9],
        m[10], m[11], m[12], m[13]);
  }
}
