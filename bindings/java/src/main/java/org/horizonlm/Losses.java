package org.horizonlm;

import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.util.function.LongConsumer;
import java.util.function.LongToIntFunction;
import org.horizonlm.internal.Native;

/** What a Trainer does with log-probabilities: that of an id is of the token at its place, given those of its document before it. */
abstract class Losses extends Handle {
  private final boolean grouped;

  Losses(long box, LongConsumer close, LongToIntFunction closed, LongConsumer free, boolean grouped) {
    super(box, close, closed, free);
    this.grouped = grouped;
  }

  /**
   * Asks the call in progress, or the next one, to end with CANCELLED. Any thread may call it; it never fails. Interrupting the thread of a step, an
   * accumulate, an evaluation, logits or log-probabilities does the same to that call; the thread stays interrupted, and begins no other such call.
   */
  public void cancel() {
    run(Native::hlm_trainer_cancel);
  }

  /** A call that may take long, and ends with CANCELLED where its thread is interrupted meanwhile. */
  final void watched(LongConsumer call) {
    Interrupts.during(this::cancel, this::takeCancel, () -> run(call));
  }

  /** A call that changes nothing takes a request that came too late for its own. In a group it would need all processes: there their next call ends. */
  private void takeCancel() {
    if (grouped) {
      return;
    }
    try {
      run(box -> Native.hlm_trainer_evaluate(box, Buffers.ints(2), Buffers.longs(new long[] {0, 2}), null, null, 0, null, 0, new double[1], new long[1]));
    } catch (HorizonLmException taken) {
      // as it should be
    }
  }

  /**
   * Keeps the weights as they are now, as a reference.
   *
   * @return the weights; closing them frees their place in the plan's frozenCopies
   * @throws HorizonLmException RESOURCE_EXHAUSTED where these are all in use
   */
  public Weights keepWeights() {
    long[] out = new long[1];
    run(box -> Native.hlm_trainer_keep_weights(box, out));
    return new Weights(out[0]);
  }

  /**
   * Log-probabilities of the labels, forward only, for a batch of any size. 0 at a document's first token, and where a label is -100.
   *
   * @param batch whose labels are looked at
   * @param kept weights that this trainer kept; null: the current ones
   * @param logprobs is written to, one an id
   * @param entropies is written to: of each prediction, in nats; may be null
   * @param greedy is written to: of the likeliest token; may be null
   */
  public void logprobs(Batch batch, Weights kept, FloatBuffer logprobs, FloatBuffer entropies, FloatBuffer greedy) {
    Batch.Parts of = Batch.parts(batch);
    FloatBuffer out = Buffers.out(Arguments.given(logprobs, "logprobs"), "logprobs");
    FloatBuffer outEntropies = Buffers.out(entropies, "entropies");
    FloatBuffer outGreedy = Buffers.out(greedy, "greedy");
    watched(box -> with(kept, weights -> Native.hlm_trainer_logprobs(box, weights, of.ids(), of.offsets(), of.labels(), of.weights(), of.denominator(), of.entropyWeights(),
        of.temperature(), out, outEntropies, outGreedy)));
  }

  /**
   * The mean loss under kept weights; changes nothing.
   *
   * @param batch what to evaluate
   * @param kept weights that this trainer kept; null: the current ones
   * @return the loss
   */
  public Evaluation evaluate(Batch batch, Weights kept) {
    Batch.Parts of = Batch.parts(batch);
    double[] loss = new double[1];
    long[] tokens = new long[1];
    watched(box -> with(kept, weights -> Native.hlm_trainer_evaluate_weights(box, weights, of.ids(), of.offsets(), of.labels(), of.weights(), of.denominator(),
        of.entropyWeights(), of.temperature(), loss, tokens)));
    return new Evaluation(loss[0], tokens[0]);
  }

  /**
   * Accumulates a loss on pairs: documents 2i are preferred to documents 2i + 1. apply ends the step.
   *
   * @param batch the pairs; weights, or labels of -100, say what counts
   * @param reference what it is compared with; null for kinds without one
   * @param options may be null
   * @return what the loss says
   * @throws HorizonLmException INVALID_ARGUMENT for an odd number of documents, and where a reference is missing
   */
  public PreferenceMetrics accumulatePreference(Batch batch, Reference reference, PreferenceOptions options) {
    Batch.Parts of = Batch.parts(batch);
    DoubleBuffer sums = Reference.sums(reference);
    FloatBuffer logprobs = Reference.logprobs(reference);
    double[] m = new double[PreferenceMetrics.MEMBERS];
    watched(box -> Options.with(options, struct -> Native.hlm_trainer_accumulate_preference(box, of.ids(), of.offsets(), of.labels(), of.weights(), of.denominator(),
        of.entropyWeights(), of.temperature(), struct, sums, logprobs, m)));
    return PreferenceMetrics.of(m);
  }

  /**
   * Accumulates KTO without mismatched answers: the options say the divergence.
   *
   * @param batch the documents
   * @param desirable 1 or 0 for each document
   * @param reference what it is compared with
   * @param options may be null
   * @return what the loss says
   */
  public KtoMetrics accumulateKto(Batch batch, IntBuffer desirable, Reference reference, KtoOptions options) {
    return accumulateKto(batch, desirable, reference, null, null, options);
  }

  /**
   * Accumulates KTO: each document is desirable or not. apply ends the step.
   *
   * @param batch the documents
   * @param desirable 1 or 0 for each document
   * @param reference what it is compared with
   * @param mismatched prompts with other prompts' answers ({@link Dataset#mismatched}): the divergence comes from it; null: from the options
   * @param mismatchedSums the reference's sums of its documents; null without it
   * @param options may be null
   * @return what the loss says
   */
  public KtoMetrics accumulateKto(Batch batch, IntBuffer desirable, Reference reference, Batch mismatched, DoubleBuffer mismatchedSums, KtoOptions options) {
    Batch.Parts of = Batch.parts(batch);
    IntBuffer good = Buffers.in(Arguments.given(desirable, "desirable"), "desirable");
    DoubleBuffer sums = Reference.sums(reference);
    FloatBuffer logprobs = Reference.logprobs(reference);
    Batch.Parts other = mismatched == null ? new Batch.Parts(null, null, null, null, 0, null, 0) : Batch.parts(mismatched);
    IntBuffer otherIds = other.ids();
    LongBuffer otherOffsets = other.offsets();
    DoubleBuffer otherSums = Buffers.in(mismatchedSums, "mismatchedSums");
    double[] m = new double[KtoMetrics.MEMBERS];
    watched(box -> Options.with(options, struct -> Native.hlm_trainer_accumulate_kto(box, of.ids(), of.offsets(), of.labels(), of.weights(), of.denominator(),
        of.entropyWeights(), of.temperature(), struct, good, sums, logprobs, otherIds, otherOffsets, other.labels(), other.weights(), otherSums, m)));
    return KtoMetrics.of(m);
  }

  /**
   * Accumulates a policy-gradient loss (PPO, GRPO and their kin). apply ends the step. Buffers have one element an id.
   *
   * @param batch the documents
   * @param advantages of each token
   * @param oldLogprobs under the weights that sampled; null: the current ones, every ratio is 1
   * @param referenceLogprobs for the divergence; null: none
   * @param rolloutLogprobs the sampler's own, for importance weights; null: 1
   * @param options may be null
   * @return what the loss says
   */
  public PolicyMetrics accumulatePolicy(
      Batch batch, FloatBuffer advantages, FloatBuffer oldLogprobs, FloatBuffer referenceLogprobs, FloatBuffer rolloutLogprobs, PolicyOptions options) {
    Batch.Parts of = Batch.parts(batch);
    FloatBuffer good = Buffers.in(Arguments.given(advantages, "advantages"), "advantages");
    FloatBuffer old = Buffers.in(oldLogprobs, "oldLogprobs");
    FloatBuffer reference = Buffers.in(referenceLogprobs, "referenceLogprobs");
    FloatBuffer rollout = Buffers.in(rolloutLogprobs, "rolloutLogprobs");
    double[] m = new double[PolicyMetrics.MEMBERS];
    watched(box -> Options.with(options, struct -> Native.hlm_trainer_accumulate_policy(box, of.ids(), of.offsets(), of.labels(), of.weights(), of.denominator(),
        of.entropyWeights(), of.temperature(), struct, good, old, reference, rollout, m)));
    return PolicyMetrics.of(m);
  }
}
