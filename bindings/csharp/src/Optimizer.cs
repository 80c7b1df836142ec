using System;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>The arrays of an update, all of one length; those that are null are not there. Float, or ushort for the bits of bf16.</summary>
  public sealed class OptimizerArrays {
    /// <summary>The gradient, float[] or ushort[].</summary>
    public Array Gradient { get; set; }

    /// <summary>float32 weights.</summary>
    public float[] Weight { get; set; }

    /// <summary>The bits of bf16 weights.</summary>
    public ushort[] WeightBf16 { get; set; }

    /// <summary>With WeightBf16 the exact split of a float32 weight; without it WeightBf16 is rounded stochastically.</summary>
    public ushort[] Remainder { get; set; }

    /// <summary>The first moment of States.F32, zero before the first step.</summary>
    public float[] FirstMoment { get; set; }

    /// <summary>The second moment of States.F32; null for Sgd and Lion.</summary>
    public float[] SecondMoment { get; set; }

    /// <summary>The first moment of other states; StateBytes says how long it is.</summary>
    public byte[] FirstMomentPacked { get; set; }

    /// <summary>The second moment of other states.</summary>
    public byte[] SecondMomentPacked { get; set; }

    /// <summary>The scales of States.Int8.</summary>
    public float[] FirstScales { get; set; }

    /// <summary>The scales of States.Int8.</summary>
    public float[] SecondScales { get; set; }

    /// <summary>Whether weight decay is applied.</summary>
    public bool Decay { get; set; } = true;

    /// <summary>The index of the first element, for stochastic rounding.</summary>
    public long FirstIndex { get; set; }

    /// <summary>The seed of stochastic rounding.</summary>
    public long Seed { get; set; }
  }

  /// <summary>The host-side optimizer alone, on arrays of the caller's, which are worked on in place.</summary>
  public sealed class Optimizer : Handle {
    private Optimizer(IntPtr box) : base(box, Native.hlm_optimizer_close, Native.hlm_optimizer_closed, Native.hlm_optimizer_release) {}

    /// <summary>An optimizer with a pool of threads of its own.</summary>
    public static Optimizer Create(OptimizerOptions options = null) {
      Library.Load();
      IntPtr box = IntPtr.Zero;
      Options.With(options, own => Native.hlm_optimizer_create(own, out box));
      return new Optimizer(box);
    }

    /// <summary>One update. step counts from 1; the gradient is multiplied by gradientScale first.</summary>
    public void Step(long step, double lr, OptimizerArrays arrays, double gradientScale = 1) {
      Arguments.Given(arrays, nameof(arrays));
      int dtype;
      using (Pinned gradient = Pinned.Values(arrays.Gradient, "Gradient", out dtype), first = new Pinned(arrays.FirstMomentPacked, 1),
             second = new Pinned(arrays.SecondMomentPacked, 1)) {
        Native.hlm_optimizer_step(Box, step, lr, gradientScale, arrays.Weight, arrays.WeightBf16, arrays.Remainder, arrays.FirstMoment, arrays.SecondMoment,
                                  gradient, dtype, arrays.Decay ? 1 : 0, first, second, arrays.FirstScales, arrays.SecondScales, arrays.FirstIndex, arrays.Seed);
      }
    }

    /// <summary>The bytes of a moment of n elements; 0 for one that there is not.</summary>
    public long StateBytes(TensorKind kind, long n) {
      long bytes, scales;
      Native.hlm_optimizer_state_size(Box, (int)kind, n, out bytes, out scales);
      return bytes;
    }

    /// <summary>The number of scales of a moment of n elements.</summary>
    public long StateScales(TensorKind kind, long n) {
      long bytes, scales;
      Native.hlm_optimizer_state_size(Box, (int)kind, n, out bytes, out scales);
      return scales;
    }

    /// <summary>Writes a moment into `values`. The moment's first element is the first of its block of 256.</summary>
    public void ReadState(TensorKind kind, byte[] moment, float[] scales, float[] values) {
      Arguments.Given(moment, nameof(moment));
      Arguments.Given(values, nameof(values));
      using (var pinned = new Pinned(moment, 1)) Native.hlm_optimizer_read_state(Box, (int)kind, pinned, scales, values);
    }

    /// <summary>The inverse of ReadState: rounds to what the moment can hold. Values must be finite, second moments not negative.</summary>
    public void WriteState(TensorKind kind, float[] values, byte[] moment, float[] scales) {
      Arguments.Given(values, nameof(values));
      Arguments.Given(moment, nameof(moment));
      using (var pinned = new Pinned(moment, 1)) Native.hlm_optimizer_write_state(Box, (int)kind, values, pinned, scales);
    }

    /// <summary>sum += gradient, each float[] or ushort[]; a bf16 sum is rounded stochastically by a counter of (seed, element).</summary>
    public void Accumulate(Array sum, Array gradient, long seed = 0) {
      int to, from;
      using (Pinned own = Pinned.Values(sum, nameof(sum), out to), other = Pinned.Values(gradient, nameof(gradient), out from)) {
        Native.hlm_optimizer_accumulate(Box, own, to, other, from, seed);
      }
    }

    /// <summary>The sum of squares in double, in a fixed order.</summary>
    public double SquaredNorm(Array gradient) {
      int dtype;
      double sum;
      using (Pinned pinned = Pinned.Values(gradient, nameof(gradient), out dtype)) Native.hlm_optimizer_squared_norm(Box, pinned, dtype, out sum);
      return sum;
    }

    /// <summary>Splits float32 weights exactly into the bits of bf16 and a 16-bit remainder.</summary>
    public void Split(float[] weight, ushort[] weightBf16, ushort[] remainder) {
      Arguments.Given(weight, nameof(weight));
      Arguments.Given(weightBf16, nameof(weightBf16));
      Arguments.Given(remainder, nameof(remainder));
      Native.hlm_optimizer_split(Box, weight, weightBf16, remainder);
    }

    /// <summary>The inverse of Split.</summary>
    public void Join(ushort[] weightBf16, ushort[] remainder, float[] weight) {
      Arguments.Given(weightBf16, nameof(weightBf16));
      Arguments.Given(remainder, nameof(remainder));
      Arguments.Given(weight, nameof(weight));
      Native.hlm_optimizer_join(Box, weightBf16, remainder, weight);
    }
  }
}
