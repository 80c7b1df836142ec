package org.horizonlm;

import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.util.Objects;

/**
 * Documents of any lengths, one behind the other, without padding. The buffers are referred to, not copied.
 *
 * @param ids token ids
 * @param offsets document d is ids[offsets[d]] up to ids[offsets[d + 1]]
 * @param labels labels[t] is predicted from the tokens before t, -100 is not; null: the ids themselves
 * @param weights factors of the tokens' losses; null: 1
 * @param denominator what the sum of losses is divided by; 0: the sum of the weights of the predicted tokens
 */
public record Batch(IntBuffer ids, LongBuffer offsets, IntBuffer labels, FloatBuffer weights, double denominator) {
  /** Checks that ids and offsets are there. */
  public Batch {
    Objects.requireNonNull(ids, "ids");
    Objects.requireNonNull(offsets, "offsets");
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
    for (int[] document : documents) {
      n = Math.addExact(n, document.length);
    }
    IntBuffer ids = Buffers.ints(n);
    LongBuffer offsets = Buffers.longs(documents.length + 1).put(0);
    for (int[] document : documents) {
      ids.put(document);
      offsets.put(ids.position());
    }
    return new Batch(ids.flip(), offsets.flip());
  }

  // The arguments of a native call.
  IntBuffer nativeIds() {
    return Buffers.in(ids, "ids");
  }

  LongBuffer nativeOffsets() {
    return Buffers.in(offsets, "offsets");
  }

  IntBuffer nativeLabels() {
    return Buffers.in(labels, "labels");
  }

  FloatBuffer nativeWeights() {
    return Buffers.in(weights, "weights");
  }
}
