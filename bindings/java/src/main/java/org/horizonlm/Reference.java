package org.horizonlm;

import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;

/**
 * What a loss compares log-probabilities with, in one of two forms; the other is null.
 *
 * @param sums one a document, as {@link Batch#sumLogprobs} gives them
 * @param logprobs one an id, as {@link Trainer#logprobs} gives them
 */
public record Reference(DoubleBuffer sums, FloatBuffer logprobs) {
  /**
   * A reference by document.
   *
   * @param sums one a document
   * @return the reference
   */
  public static Reference ofSums(DoubleBuffer sums) {
    return new Reference(sums, null);
  }

  /**
   * A reference by token.
   *
   * @param logprobs one an id
   * @return the reference
   */
  public static Reference ofLogprobs(FloatBuffer logprobs) {
    return new Reference(null, logprobs);
  }

  // The arguments of a native call; a reference may be null.
  static DoubleBuffer sums(Reference reference) {
    return reference == null ? null : Buffers.in(reference.sums, "reference.sums");
  }

  static FloatBuffer logprobs(Reference reference) {
    return reference == null ? null : Buffers.in(reference.logprobs, "reference.logprobs");
  }
}
