using System;
using System.Threading;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>The weights of a trainer as they were at one moment. Disposing them frees their place in the plan's FrozenCopies.</summary>
  public sealed class Weights : Handle {
    internal Weights(IntPtr box) : base(box, Native.hlm_weights_close, Native.hlm_weights_closed, Native.hlm_weights_release) {}
  }

  /// <summary>A reference for losses: its sums for each document, as Batch.SumLogprobs gives them, or its log-probabilities for each id.</summary>
  public sealed class Reference {
    private Reference(double[] sums, float[] logprobs) {
      Sums = sums;
      Logprobs = logprobs;
    }

    internal double[] Sums { get; private set; }

    internal float[] Logprobs { get; private set; }

    /// <summary>Sums, [documents].</summary>
    public static Reference OfSums(double[] sums) {
      return new Reference(sums, null);
    }

    /// <summary>Log-probabilities, [ids].</summary>
    public static Reference OfLogprobs(float[] logprobs) {
      return new Reference(null, logprobs);
    }

    internal static double[] SumsOf(Reference reference) {
      return reference == null ? null : reference.Sums;
    }

    internal static float[] LogprobsOf(Reference reference) {
      return reference == null ? null : reference.Logprobs;
    }
  }

  /// <summary>What a Trainer does with log-probabilities. An array [ids] belongs to the token at its place: its log-probability given those before it.</summary>
  public abstract class Losses : Handle {
    private readonly bool grouped;

    internal Losses(IntPtr box, bool grouped) : base(box, Native.hlm_trainer_close, Native.hlm_trainer_closed, Native.hlm_trainer_release) {
      this.grouped = grouped;
    }

    /// <summary>Asks the call in progress, or the next one, to end with the code Cancelled. From any thread; never fails. A step that is cancelled before
    /// its first update changes nothing and drops its gradient; after that it completes.</summary>
    public void Cancel() {
      Native.hlm_trainer_cancel(Box);
    }

    /// <summary>Runs `call`, which makes one call of this trainer, and cancels that when the token is: OperationCanceledException then.</summary>
    internal void Under(CancellationToken token, Action call) {
      token.ThrowIfCancellationRequested();
      if (!token.CanBeCanceled) {
        call();
        return;
      }
      bool asked = false;
      CancellationTokenRegistration registration = token.Register(() => {
        Volatile.Write(ref asked, true);
        Cancel();
      });
      try {
        call();
      } catch (HorizonLMException error) when (error.Code == Code.Cancelled && token.IsCancellationRequested) {
        registration.Dispose();
        throw new OperationCanceledException(error.Message, error, token);
      } catch {
        EndOf(registration, ref asked);
        throw;
      }
      EndOf(registration, ref asked);
    }

    // Waits for a request that is being made. One that came too late for its call must not end the next one: a call that changes nothing takes it. In a
    // group it would need all processes: there their next call ends.
    private void EndOf(CancellationTokenRegistration registration, ref bool asked) {
      registration.Dispose();
      if (!Volatile.Read(ref asked) || grouped) return;
      double loss;
      long tokens;
      try {
        Native.hlm_trainer_evaluate(Box, new int[2], new long[] {0, 2}, null, null, 0, null, 0, out loss, out tokens);
      } catch (HorizonLMException) {
      }
    }

    /// <summary>Keeps the weights as they are now, as a reference. ResourceExhausted where the plan's FrozenCopies are all in use.</summary>
    public Weights KeepWeights() {
      IntPtr box;
      Native.hlm_trainer_keep_weights(Box, out box);
      return new Weights(box);
    }

    /// <summary>Log-probabilities of the labels, [ids]; forward only, for a batch of any size. 0 at a document's first token and where a label is -100.
    /// kept: under weights that this trainer kept. entropies, greedy: arrays [ids] that get the entropy of each prediction in nats, and the log-probability
    /// of its likeliest token; may be null.</summary>
    public float[] Logprobs(Batch batch, Weights kept = null, float[] entropies = null, float[] greedy = null, CancellationToken token = default(CancellationToken)) {
      Batch b = Batch.Checked(batch);
      var logprobs = new float[b.Ids.Length];
      Under(token, () => Native.hlm_trainer_logprobs(Box, OrNone(kept), b.Ids, b.Offsets, b.Labels, b.Weights, b.Denominator, b.EntropyWeights, b.Temperature,
                                                     logprobs, entropies, greedy));
      return logprobs;
    }

    /// <summary>The mean loss over the batch's predicted tokens; changes nothing. kept: under weights that this trainer kept, instead of the current
    /// ones.</summary>
    public Evaluation Evaluate(Batch batch, Weights kept = null, CancellationToken token = default(CancellationToken)) {
      Batch b = Batch.Checked(batch);
      double loss = 0;
      long tokens = 0;
      Under(token, () => {
        if (kept == null) {
          Native.hlm_trainer_evaluate(Box, b.Ids, b.Offsets, b.Labels, b.Weights, b.Denominator, b.EntropyWeights, b.Temperature, out loss, out tokens);
        } else {
          Native.hlm_trainer_evaluate_weights(Box, kept.Box, b.Ids, b.Offsets, b.Labels, b.Weights, b.Denominator, b.EntropyWeights, b.Temperature, out loss,
                                              out tokens);
        }
      });
      return new Evaluation(loss, tokens);
    }

    /// <summary>Accumulates a loss on pairs: documents 2i are preferred to documents 2i + 1. Apply ends the step. Kinds but Orpo and Simpo need a
    /// reference, or ReferenceFree.</summary>
    public PreferenceMetrics AccumulatePreference(Batch batch, Reference reference = null, PreferenceOptions options = null,
                                                  CancellationToken token = default(CancellationToken)) {
      Batch b = Batch.Checked(batch);
      var m = new double[PreferenceMetrics.Members];
      Under(token, () => Options.With(options, own => Native.hlm_trainer_accumulate_preference(
          Box, b.Ids, b.Offsets, b.Labels, b.Weights, b.Denominator, b.EntropyWeights, b.Temperature, own, Reference.SumsOf(reference),
          Reference.LogprobsOf(reference), m)));
      return new PreferenceMetrics(m);
    }

    /// <summary>Accumulates KTO: each document is desirable (1) or not (0). Apply ends the step. mismatched: prompts with other prompts' answers
    /// (Dataset.Mismatched), with the reference's sums of its documents: the divergence comes from it; without it, it is the option's.</summary>
    public KtoMetrics AccumulateKto(Batch batch, int[] desirable, Reference reference = null, Batch mismatched = null, double[] mismatchedSums = null,
                                    KtoOptions options = null, CancellationToken token = default(CancellationToken)) {
      Batch b = Batch.Checked(batch);
      Arguments.Given(desirable, nameof(desirable));
      var m = new double[KtoMetrics.Members];
      Under(token, () => Options.With(options, own => Native.hlm_trainer_accumulate_kto(
          Box, b.Ids, b.Offsets, b.Labels, b.Weights, b.Denominator, b.EntropyWeights, b.Temperature, own, desirable, Reference.SumsOf(reference),
          Reference.LogprobsOf(reference), mismatched?.Ids, mismatched?.Offsets, mismatched?.Labels, mismatched?.Weights, mismatchedSums, m)));
      return new KtoMetrics(m);
    }

    /// <summary>Accumulates a policy-gradient loss (PPO, GRPO and their kin). All arrays are [ids]. oldLogprobs: under the weights that sampled; null: the
    /// current ones, every ratio is 1. referenceLogprobs: for the divergence. rolloutLogprobs: the sampler's own, for importance weights.</summary>
    public PolicyMetrics AccumulatePolicy(Batch batch, float[] advantages, float[] oldLogprobs = null, float[] referenceLogprobs = null,
                                          float[] rolloutLogprobs = null, PolicyOptions options = null, CancellationToken token = default(CancellationToken)) {
      Batch b = Batch.Checked(batch);
      Arguments.Given(advantages, nameof(advantages));
      var m = new double[PolicyMetrics.Members];
      Under(token, () => Options.With(options, own => Native.hlm_trainer_accumulate_policy(
          Box, b.Ids, b.Offsets, b.Labels, b.Weights, b.Denominator, b.EntropyWeights, b.Temperature, own, advantages, oldLogprobs, referenceLogprobs,
          rolloutLogprobs, m)));
      return new PolicyMetrics(m);
    }
  }
}
