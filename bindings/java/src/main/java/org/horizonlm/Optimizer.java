package org.horizonlm;

import java.nio.Buffer;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.util.Objects;
import org.horizonlm.internal.Native;

/** AdamW on buffers of the caller's, by a pool of threads of its own. Numbers are float, or the bits of bf16 in short. */
public final class Optimizer extends Handle {
  private Optimizer(long box) {
    super(box, Native::hlm_optimizer_close, Native::hlm_optimizer_free);
  }

  /**
   * An optimizer.
   *
   * @param options may be null
   * @return the optimizer
   */
  public static Optimizer create(OptimizerOptions options) {
    NativeLibrary.load();
    long[] out = new long[1];
    Options.with(options, struct -> Native.hlm_optimizer_create(struct, out));
    return new Optimizer(out[0]);
  }

  /**
   * The arrays of one update, n elements each: either weight, or weightBf16 with remainder; the others are null.
   *
   * @param weight float weights
   * @param weightBf16 the bits of bf16 weights
   * @param remainder what they lack to the float weights
   * @param firstMoment the first moments
   * @param secondMoment the second moments
   * @param gradient FloatBuffer, or ShortBuffer for the bits of bf16
   * @param decay whether to apply weight decay
   */
  public record Arrays(
      FloatBuffer weight, ShortBuffer weightBf16, ShortBuffer remainder, FloatBuffer firstMoment, FloatBuffer secondMoment, Buffer gradient, boolean decay) {}

  /**
   * One AdamW update, in place.
   *
   * @param step from 1, for the bias correction
   * @param lr learning rate
   * @param gradientScale the gradient is multiplied by it first
   * @param arrays what to update
   */
  public void step(long step, double lr, double gradientScale, Arrays arrays) {
    FloatBuffer weight = Buffers.out(arrays.weight(), "weight");
    ShortBuffer weightBf16 = Buffers.out(arrays.weightBf16(), "weightBf16");
    ShortBuffer remainder = Buffers.out(arrays.remainder(), "remainder");
    FloatBuffer first = Buffers.out(Objects.requireNonNull(arrays.firstMoment(), "firstMoment"), "firstMoment");
    FloatBuffer second = Buffers.out(Objects.requireNonNull(arrays.secondMoment(), "secondMoment"), "secondMoment");
    Buffer gradient = Buffers.values(arrays.gradient(), "gradient", false);
    int decay = arrays.decay() ? 1 : 0;
    run(box -> Native.hlm_optimizer_step(
        box, step, lr, gradientScale, weight, weightBf16, remainder, first, second, gradient, Buffers.dtype(gradient), decay));
  }

  /**
   * Adds a gradient to a sum, each FloatBuffer or ShortBuffer; a bf16 sum is rounded stochastically.
   *
   * @param sum is added to
   * @param gradient what to add
   * @param seed of the rounding
   */
  public void accumulate(Buffer sum, Buffer gradient, long seed) {
    Buffer to = Buffers.values(sum, "sum", true);
    Buffer from = Buffers.values(gradient, "gradient", false);
    run(box -> Native.hlm_optimizer_accumulate(box, to, Buffers.dtype(to), from, Buffers.dtype(from), seed));
  }

  /**
   * The sum of squares in double, in a fixed order.
   *
   * @param gradient FloatBuffer or ShortBuffer
   * @return the sum
   */
  public double squaredNorm(Buffer gradient) {
    Buffer from = Buffers.values(gradient, "gradient", false);
    double[] out = new double[1];
    run(box -> Native.hlm_optimizer_squared_norm(box, from, Buffers.dtype(from), out));
    return out[0];
  }

  /**
   * Splits float weights exactly into the bits of bf16 and a remainder.
   *
   * @param weight is read
   * @param weightBf16 is written to
   * @param remainder is written to
   */
  public void split(FloatBuffer weight, ShortBuffer weightBf16, ShortBuffer remainder) {
    FloatBuffer from = Buffers.in(weight, "weight");
    ShortBuffer high = Buffers.out(weightBf16, "weightBf16");
    ShortBuffer low = Buffers.out(remainder, "remainder");
    run(box -> Native.hlm_optimizer_split(box, from, high, low));
  }

  /**
   * The inverse of split.
   *
   * @param weightBf16 is read
   * @param remainder is read
   * @param weight is written to
   */
  public void join(ShortBuffer weightBf16, ShortBuffer remainder, FloatBuffer weight) {
    ShortBuffer high = Buffers.in(weightBf16, "weightBf16");
    ShortBuffer low = Buffers.in(remainder, "remainder");
    FloatBuffer to = Buffers.out(weight, "weight");
    run(box -> Native.hlm_optimizer_join(box, high, low, to));
  }
}
