package org.horizonlm;

import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import org.horizonlm.internal.Native;

/** AdamW, Adam, SGD or Lion on buffers of the caller's, by a pool of threads of its own. Numbers are float, or the bits of bf16 in short. */
public final class Optimizer extends Handle {
  private Optimizer(long box) {
    super(box, Native::hlm_optimizer_close, Native::hlm_optimizer_closed, Native::hlm_optimizer_free);
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
   * The arrays of one update, n elements each. Weights are one of: weight; weightBf16 with remainder, the exact split of float weights; weightBf16 alone, which is rounded
   * stochastically. Moments, zero before the first step: firstMoment and secondMoment with {@link States#F32}, packed ones with the others. What is absent is null.
   *
   * @param weight float weights
   * @param weightBf16 the bits of bf16 weights
   * @param remainder what they lack to the float weights
   * @param firstMoment the first moments
   * @param secondMoment the second moments; null for SGD and LION
   * @param gradient FloatBuffer, or ShortBuffer for the bits of bf16
   * @param decay whether to apply weight decay
   * @param packed packed moments; null with F32
   */
  public record Arrays(FloatBuffer weight, ShortBuffer weightBf16, ShortBuffer remainder, FloatBuffer firstMoment, FloatBuffer secondMoment, Buffer gradient, boolean decay,
      Packed packed) {
    /**
     * Arrays with float moments.
     *
     * @param weight float weights
     * @param weightBf16 the bits of bf16 weights
     * @param remainder what they lack to the float weights
     * @param firstMoment the first moments
     * @param secondMoment the second moments
     * @param gradient FloatBuffer, or ShortBuffer for the bits of bf16
     * @param decay whether to apply weight decay
     */
    public Arrays(FloatBuffer weight, ShortBuffer weightBf16, ShortBuffer remainder, FloatBuffer firstMoment, FloatBuffer secondMoment, Buffer gradient, boolean decay) {
      this(weight, weightBf16, remainder, firstMoment, secondMoment, gradient, decay, null);
    }
  }

  /**
   * Packed moments; {@link Optimizer#stateBytes} and {@link Optimizer#stateScales} say how long they are.
   *
   * @param firstMoment the first moments
   * @param secondMoment the second moments; null where the algorithm has none
   * @param firstScales with INT8: scales of the first moments
   * @param secondScales with INT8: scales of the second moments
   * @param firstIndex of element 0 among all elements of a model, for stochastic rounding; a multiple of 256
   * @param seed of stochastic rounding
   */
  public record Packed(ByteBuffer firstMoment, ByteBuffer secondMoment, FloatBuffer firstScales, FloatBuffer secondScales, long firstIndex, long seed) {}

  private static final Packed NONE = new Packed(null, null, null, null, 0, 0);

  /**
   * One update, in place.
   *
   * @param step from 1, for the bias correction
   * @param lr learning rate
   * @param gradientScale the gradient is multiplied by it first
   * @param arrays what to update
   */
  public void step(long step, double lr, double gradientScale, Arrays arrays) {
    FloatBuffer weight = Buffers.out(Arguments.given(arrays, "arrays").weight(), "weight");
    ShortBuffer weightBf16 = Buffers.out(arrays.weightBf16(), "weightBf16");
    ShortBuffer remainder = Buffers.out(arrays.remainder(), "remainder");
    FloatBuffer first = Buffers.out(arrays.firstMoment(), "firstMoment");
    FloatBuffer second = Buffers.out(arrays.secondMoment(), "secondMoment");
    Buffer gradient = Buffers.values(arrays.gradient(), "gradient", false);
    Packed packed = arrays.packed() == null ? NONE : arrays.packed();
    ByteBuffer firstPacked = Buffers.out(packed.firstMoment(), "packed.firstMoment");
    ByteBuffer secondPacked = Buffers.out(packed.secondMoment(), "packed.secondMoment");
    FloatBuffer firstScales = Buffers.out(packed.firstScales(), "packed.firstScales");
    FloatBuffer secondScales = Buffers.out(packed.secondScales(), "packed.secondScales");
    int decay = arrays.decay() ? 1 : 0;
    run(box -> Native.hlm_optimizer_step(box, step, lr, gradientScale, weight, weightBf16, remainder, first, second, gradient, Buffers.dtype(gradient), decay, firstPacked,
        secondPacked, firstScales, secondScales, packed.firstIndex(), packed.seed()));
  }

  /**
   * How many bytes a packed moment takes.
   *
   * @param kind FIRST_MOMENT or SECOND_MOMENT
   * @param n elements
   * @return bytes; 0 for a moment that the algorithm does not have
   */
  public long stateBytes(TensorKind kind, long n) {
    return stateSize(kind, n)[0];
  }

  /**
   * How many scales a packed moment has.
   *
   * @param kind FIRST_MOMENT or SECOND_MOMENT
   * @param n elements
   * @return scales; 0 but for INT8
   */
  public long stateScales(TensorKind kind, long n) {
    return stateSize(kind, n)[1];
  }

  private long[] stateSize(TensorKind kind, long n) {
    long[] bytes = new long[1];
    long[] scales = new long[1];
    int what = Arguments.given(kind, "kind").value();
    run(box -> Native.hlm_optimizer_state_size(box, what, n, bytes, scales));
    return new long[] {bytes[0], scales[0]};
  }

  /**
   * Reads a packed moment as float.
   *
   * @param kind FIRST_MOMENT or SECOND_MOMENT
   * @param moment is read; its first element is the first of its block of 256
   * @param scales its scales; null but for INT8
   * @param values is written to
   */
  public void readState(TensorKind kind, ByteBuffer moment, FloatBuffer scales, FloatBuffer values) {
    int what = Arguments.given(kind, "kind").value();
    ByteBuffer from = Buffers.in(Arguments.given(moment, "moment"), "moment");
    FloatBuffer by = Buffers.in(scales, "scales");
    FloatBuffer to = Buffers.out(Arguments.given(values, "values"), "values");
    run(box -> Native.hlm_optimizer_read_state(box, what, from, by, to));
  }

  /**
   * The inverse of readState: rounds to what the moment can hold.
   *
   * @param kind FIRST_MOMENT or SECOND_MOMENT
   * @param values is read; finite, second moments not negative
   * @param moment is written to
   * @param scales is written to; null but for INT8
   */
  public void writeState(TensorKind kind, FloatBuffer values, ByteBuffer moment, FloatBuffer scales) {
    int what = Arguments.given(kind, "kind").value();
    FloatBuffer from = Buffers.in(Arguments.given(values, "values"), "values");
    ByteBuffer to = Buffers.out(Arguments.given(moment, "moment"), "moment");
    FloatBuffer by = Buffers.out(scales, "scales");
    run(box -> Native.hlm_optimizer_write_state(box, what, from, to, by));
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
    FloatBuffer from = Buffers.in(Arguments.given(weight, "weight"), "weight");
    ShortBuffer high = Buffers.out(Arguments.given(weightBf16, "weightBf16"), "weightBf16");
    ShortBuffer low = Buffers.out(Arguments.given(remainder, "remainder"), "remainder");
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
    ShortBuffer high = Buffers.in(Arguments.given(weightBf16, "weightBf16"), "weightBf16");
    ShortBuffer low = Buffers.in(Arguments.given(remainder, "remainder"), "remainder");
    FloatBuffer to = Buffers.out(Arguments.given(weight, "weight"), "weight");
    run(box -> Native.hlm_optimizer_join(box, high, low, to));
  }
}
