using System;

namespace HorizonLM {
  /// <summary>A mean loss and the number of tokens that it is the mean over.</summary>
  public struct Evaluation {
    internal Evaluation(double loss, long tokens) : this() {
      Loss = loss;
      Tokens = tokens;
    }

    /// <summary>In nats; Math.Exp of it is the perplexity.</summary>
    public double Loss { get; private set; }

    /// <summary>Predicted tokens.</summary>
    public long Tokens { get; private set; }

    /// <summary>All of it, in a line.</summary>
    public override string ToString() {
      return Told.Of(this);
    }
  }

  /// <summary>What an optimizer step did; hlm_step_metrics in horizon_lm.h.</summary>
  public sealed class StepMetrics {
    internal const int Members = 14;

    internal StepMetrics(double[] m) {
      Step = (long)m[0];
      Loss = m[1];
      GradNorm = m[2];
      Lr = m[3];
      Tokens = (long)m[4];
      Seconds = m[5];
      Skipped = m[6] != 0;
      SkippedUnits = (long)m[7];
      MeanTokenAccuracy = m[8] < 0 ? (double?)null : m[8];
      Entropy = m[8] < 0 ? (double?)null : m[9];
      AuxLoss = m[10] < 0 ? (double?)null : m[10];
      RouterZLoss = m[11] < 0 ? (double?)null : m[11];
      ExpertImbalance = m[12] < 0 ? (double?)null : m[12];
      UnroutedExperts = m[13] < 0 ? (double?)null : m[13];
    }

    /// <summary>Optimizer steps so far.</summary>
    public long Step { get; private set; }

    /// <summary>The mean over the predicted tokens.</summary>
    public double Loss { get; private set; }

    /// <summary>Before clipping.</summary>
    public double GradNorm { get; private set; }

    /// <summary>The learning rate of this step.</summary>
    public double Lr { get; private set; }

    /// <summary>Tokens of the step.</summary>
    public long Tokens { get; private set; }

    /// <summary>How long it took.</summary>
    public double Seconds { get; private set; }

    /// <summary>Whether no weight was changed, since something was not finite or nothing was predicted.</summary>
    public bool Skipped { get; private set; }

    /// <summary>Units that kept their values under backward timing.</summary>
    public long SkippedUnits { get; private set; }

    /// <summary>The share of tokens that were the likeliest; null without TrainerOptions.TokenMetrics.</summary>
    public double? MeanTokenAccuracy { get; private set; }

    /// <summary>The mean entropy of the predictions in nats; null without TrainerOptions.TokenMetrics.</summary>
    public double? Entropy { get; private set; }

    /// <summary>The routers' balancing loss without its coefficient; null where the loss has no such term.</summary>
    public double? AuxLoss { get; private set; }

    /// <summary>The mean of logsumexp(router logits)^2; null where the loss has no such term.</summary>
    public double? RouterZLoss { get; private set; }

    /// <summary>The most tokens of an expert over the mean, in the layer where that is largest; null without experts.</summary>
    public double? ExpertImbalance { get; private set; }

    /// <summary>The share of experts, of all layers, that no token chose; null without experts.</summary>
    public double? UnroutedExperts { get; private set; }

    /// <summary>All of it, in a line.</summary>
    public override string ToString() {
      return Told.Of(this);
    }
  }

  /// <summary>What a loss on pairs says; hlm_preference_metrics in horizon_lm.h. The loss is the batch's share of the step's, the others are means over
  /// pairs.</summary>
  public sealed class PreferenceMetrics {
    internal const int Members = 10;

    internal PreferenceMetrics(double[] m) {
      Loss = m[0];
      RewardChosen = m[1];
      RewardRejected = m[2];
      Accuracy = m[3];
      Margin = m[4];
      LogprobChosen = m[5];
      LogprobRejected = m[6];
      Sft = m[7];
      Pairs = (long)m[8];
      Tokens = (long)m[9];
    }

    /// <summary>The batch's share of the step's loss.</summary>
    public double Loss { get; private set; }

    /// <summary>beta times the log-ratio of the chosen answer.</summary>
    public double RewardChosen { get; private set; }

    /// <summary>beta times the log-ratio of the rejected answer.</summary>
    public double RewardRejected { get; private set; }

    /// <summary>The share of pairs whose chosen answer has the larger reward.</summary>
    public double Accuracy { get; private set; }

    /// <summary>The difference of the rewards.</summary>
    public double Margin { get; private set; }

    /// <summary>The chosen answer's log-probability.</summary>
    public double LogprobChosen { get; private set; }

    /// <summary>The rejected answer's log-probability.</summary>
    public double LogprobRejected { get; private set; }

    /// <summary>The supervised part of the loss.</summary>
    public double Sft { get; private set; }

    /// <summary>Pairs of the batch.</summary>
    public long Pairs { get; private set; }

    /// <summary>Predicted tokens of the batch.</summary>
    public long Tokens { get; private set; }

    /// <summary>All of it, in a line.</summary>
    public override string ToString() {
      return Told.Of(this);
    }
  }

  /// <summary>What KTO says; hlm_kto_metrics in horizon_lm.h. The loss is the batch's share of the step's, the others are means over documents.</summary>
  public sealed class KtoMetrics {
    internal const int Members = 9;

    internal KtoMetrics(double[] m) {
      Loss = m[0];
      Kl = m[1];
      RewardDesirable = m[2];
      RewardUndesirable = m[3];
      LogprobDesirable = m[4];
      LogprobUndesirable = m[5];
      Desirable = (long)m[6];
      Undesirable = (long)m[7];
      Tokens = (long)m[8];
    }

    /// <summary>The batch's share of the step's loss.</summary>
    public double Loss { get; private set; }

    /// <summary>The divergence that rewards are measured from.</summary>
    public double Kl { get; private set; }

    /// <summary>The reward of desirable documents.</summary>
    public double RewardDesirable { get; private set; }

    /// <summary>The reward of undesirable documents.</summary>
    public double RewardUndesirable { get; private set; }

    /// <summary>The log-probability of desirable documents.</summary>
    public double LogprobDesirable { get; private set; }

    /// <summary>The log-probability of undesirable documents.</summary>
    public double LogprobUndesirable { get; private set; }

    /// <summary>Desirable documents of the batch.</summary>
    public long Desirable { get; private set; }

    /// <summary>Undesirable documents of the batch.</summary>
    public long Undesirable { get; private set; }

    /// <summary>Predicted tokens of the batch.</summary>
    public long Tokens { get; private set; }

    /// <summary>All of it, in a line.</summary>
    public override string ToString() {
      return Told.Of(this);
    }
  }

  /// <summary>What a policy loss says; hlm_policy_metrics in horizon_lm.h. The loss is the batch's share of the step's, the others are means over
  /// tokens.</summary>
  public sealed class PolicyMetrics {
    internal const int Members = 14;

    internal PolicyMetrics(double[] m) {
      Loss = m[0];
      Policy = m[1];
      Kl = m[2];
      Entropy = m[3];
      Ratio = m[4];
      LeastRatio = m[5];
      LargestRatio = m[6];
      ApproxKl = m[7];
      ClippedLow = m[8];
      ClippedHigh = m[9];
      ClippedDual = m[10];
      Importance = m[11];
      Weight = m[12];
      Tokens = (long)m[13];
    }

    /// <summary>The batch's share of the step's loss.</summary>
    public double Loss { get; private set; }

    /// <summary>The policy's part of it.</summary>
    public double Policy { get; private set; }

    /// <summary>The divergence from the reference.</summary>
    public double Kl { get; private set; }

    /// <summary>The entropy of the predictions.</summary>
    public double Entropy { get; private set; }

    /// <summary>The mean ratio.</summary>
    public double Ratio { get; private set; }

    /// <summary>The smallest ratio.</summary>
    public double LeastRatio { get; private set; }

    /// <summary>The largest ratio.</summary>
    public double LargestRatio { get; private set; }

    /// <summary>The divergence from the weights that sampled.</summary>
    public double ApproxKl { get; private set; }

    /// <summary>The share of tokens clipped below.</summary>
    public double ClippedLow { get; private set; }

    /// <summary>The share of tokens clipped above.</summary>
    public double ClippedHigh { get; private set; }

    /// <summary>The share of tokens under the dual clip.</summary>
    public double ClippedDual { get; private set; }

    /// <summary>The mean importance weight.</summary>
    public double Importance { get; private set; }

    /// <summary>The sum of the tokens' weights.</summary>
    public double Weight { get; private set; }

    /// <summary>Predicted tokens of the batch.</summary>
    public long Tokens { get; private set; }

    /// <summary>All of it, in a line.</summary>
    public override string ToString() {
      return Told.Of(this);
    }
  }
}
