package org.horizonlm;

/**
 * A mean loss.
 *
 * @param loss the mean
 * @param tokens how many tokens it is the mean over
 */
public record Evaluation(double loss, long tokens) {
  /**
   * The exponential of the loss.
   *
   * @return the perplexity, where the weights are 1
   */
  public double perplexity() {
    return Math.exp(loss);
  }
}
