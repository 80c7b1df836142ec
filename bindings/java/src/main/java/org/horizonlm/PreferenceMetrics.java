package org.horizonlm;

/**
 * What a loss on pairs says. The loss is the batch's share of the step's, the others are means over pairs.
 *
 * @param loss the batch's share
 * @param rewardChosen of the preferred
 * @param rewardRejected of the others
 * @param accuracy share of pairs whose preferred reward is the larger one
 * @param margin of the rewards
 * @param logprobChosen of whole documents
 * @param logprobRejected of whole documents
 * @param sft the mean loss of the preferred
 * @param pairs of the batch
 * @param tokens predicted
 */
public record PreferenceMetrics(
    double loss,
    double rewardChosen,
    double rewardRejected,
    double accuracy,
    double margin,
    double logprobChosen,
    double logprobRejected,
    double sft,
    long pairs,
    long tokens) {
  static final int MEMBERS = PreferenceMetrics.class.getRecordComponents().length;

  /** Of the numbers of the members, in their order. */
  static PreferenceMetrics of(double[] m) {
    return new PreferenceMetrics(m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], (long) m[8], (long) m[9]);
  }
}
