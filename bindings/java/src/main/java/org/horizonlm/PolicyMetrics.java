package org.horizonlm;

/**
 * What a policy's loss says. The loss is the batch's share of the step's, the others are means over tokens by weight.
 *
 * @param loss the batch's share
 * @param policy the term without divergence and entropy
 * @param kl by the estimator chosen
 * @param entropy of the predictions
 * @param ratio to the old weights
 * @param leastRatio 1 at most
 * @param largestRatio 1 at least
 * @param approxKl of the old weights from the current ones
 * @param clippedLow share of tokens whose gradient was cut off
 * @param clippedHigh the same, on the other side
 * @param clippedDual the same, by dualClip
 * @param importance weights, capped
 * @param weight sum of the weights
 * @param tokens predicted
 */
public record PolicyMetrics(
    double loss,
    double policy,
    double kl,
    double entropy,
    double ratio,
    double leastRatio,
    double largestRatio,
    double approxKl,
    double clippedLow,
    double clippedHigh,
    double clippedDual,
    double importance,
    double weight,
    long tokens) {
  static final int MEMBERS = PolicyMetrics.class.getRecordComponents().length;

  /** Of the numbers of the members, in their order. */
  static PolicyMetrics of(double[] m) {
    return new PolicyMetrics(m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8], m[9], m[10], m[11], m[12], (long) m[13]);
  }
}
