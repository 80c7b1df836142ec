package org.horizonlm;

/**
 * What KTO says. The loss is the batch's share of the step's, the others are means over documents, 0 where there is none.
 *
 * @param loss the batch's share
 * @param kl that was used
 * @param rewardDesirable of the desirable
 * @param rewardUndesirable of the others
 * @param logprobDesirable of whole documents
 * @param logprobUndesirable of whole documents
 * @param desirable documents
 * @param undesirable documents
 * @param tokens predicted
 */
public record KtoMetrics(
    double loss,
    double kl,
    double rewardDesirable,
    double rewardUndesirable,
    double logprobDesirable,
    double logprobUndesirable,
    long desirable,
    long undesirable,
    long tokens) {
  static final int MEMBERS = KtoMetrics.class.getRecordComponents().length;

  /** Of the numbers of the members, in their order. */
  static KtoMetrics of(double[] m) {
    return new KtoMetrics(m[0], m[1], m[2], m[3], m[4], m[5], (long) m[6], (long) m[7], (long) m[8]);
  }
}
