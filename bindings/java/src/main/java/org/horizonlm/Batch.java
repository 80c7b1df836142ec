package org.horizonlm;

import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import org.horizonlm.internal.Native;

/**
 * Documents of any lengths, one behind the other, without padding. The buffers are referred to, not copied.
 *
 * @param ids token ids
 * @param offsets document d is ids[offsets[d]] up to ids[offsets[d + 1]]
 * @param labels labels[t] is predicted from the tokens before t, -100 is not; null: the ids themselves
 * @param weights factors of the tokens' losses; null: 1
 * @param denominator what the sum of losses is divided by; 0: the sum of the weights of the predicted tokens
 * @param entropyWeights adds entropyWeights[t] times the entropy of the prediction of token t; null: 0
 * @param temperature what logits are divided by before softmax; 0: 1
 */
public record Batch(
    IntBuffer ids, LongBuffer offsets, IntBuffer labels, FloatBuffer weights, double denominator, FloatBuffer entropyWeights, double temperature) {
  /**
   * Checks that ids and offsets are there.
   *
   * @param ids token ids
   * @param offsets where documents begin, and the end
   * @param labels what is predicted; null: the ids
   * @param weights factors of the tokens' losses; null: 1
   * @param denominator what the sum of losses is divided by; 0: the sum of the weights
   * @param entropyWeights factors of the predictions' entropies; null: 0
   * @param temperature what logits are divided by before softmax; 0: 1
   */
  public Batch {
    Arguments.given(ids, "ids");
    Arguments.given(offsets, "offsets");
  }

  /**
   * A batch without entropies, at temperature 1.
   *
   * @param ids token ids
   * @param offsets where documents begin, and the end
   * @param labels what is predicted; null: the ids
   * @param weights factors of the tokens' losses; null: 1
   * @param denominator what the sum of losses is divided by; 0: the sum of the weights
   */
  public Batch(IntBuffer ids, LongBuffer offsets, IntBuffer labels, FloatBuffer weights, double denominator) {
    this(ids, offsets, labels, weights, denominator, null, 0);
  }

  /**
   * A batch of ids that are their own labels.
   *
   * @param ids token ids
   * @param offsets where documents begin, and the end
   */
  public Batch(IntBuffer ids, LongBuffer offsets) {
    this(ids, offsets, null, null, 0);
  }

  /**
   * A batch of whole documents, which are copied.
   *
   * @param documents token ids of each
   * @return the batch
   */
  public static Batch ofDocuments(int[]... documents) {
    int n = 0;
    for (int d = 0; d < Arguments.given(documents, "documents").length; ++d) {
      n = Math.addExact(n, Arguments.given(documents[d], "documents[" + d + "]").length);
    }
    IntBuffer ids = Buffers.ints(n);
    LongBuffer offsets = Buffers.longs(documents.length + 1).put(0);
    for (int[] document : documents) {
      ids.put(document);
      offsets.put(ids.position());
    }
    return new Batch(ids.flip(), offsets.flip());
  }

  /**
   * Sums over each document, in double and in order: weight * logprob, and the weights. What the losses do with log-probabilities first: reference sums made so
   * give a first DPO loss of ln 2.
   *
   * @param logprobs one an id, as {@link Trainer#logprobs} gives them
   * @param sums is written to, one a document
   * @param tokens is written to, one a document; may be null
   */
  public void sumLogprobs(FloatBuffer logprobs, DoubleBuffer sums, DoubleBuffer tokens) {
    NativeLibrary.load();
    Parts of = parts();
    Native.hlm_batch_sum_logprobs(of.ids, of.offsets, of.labels, of.weights, of.denominator, of.entropyWeights, of.temperature, Buffers.in(Arguments.given(logprobs, "logprobs"), "logprobs"),
        Buffers.out(Arguments.given(sums, "sums"), "sums"), Buffers.out(tokens, "tokens"));
  }

  /** The arguments of a native call. */
  record Parts(IntBuffer ids, LongBuffer offsets, IntBuffer labels, FloatBuffer weights, double denominator, FloatBuffer entropyWeights, double temperature) {}

  /** What a call is handed of a batch that must be there. */
  static Parts parts(Batch batch) {
    return Arguments.given(batch, "batch").parts();
  }

  private Parts parts() {
    return new Parts(Buffers.in(ids, "ids"), Buffers.in(offsets, "offsets"), Buffers.in(labels, "labels"), Buffers.in(weights, "weights"), denominator,
        Buffers.in(entropyWeights, "entropyWeights"), temperature);
  }
}
