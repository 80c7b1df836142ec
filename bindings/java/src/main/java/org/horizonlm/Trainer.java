package org.horizonlm;

import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.horizonlm.internal.Native;

/** Trains a model under a plan. */
public final class Trainer extends Handle {
  private Trainer(long box) {
    super(box, Native::hlm_trainer_close, Native::hlm_trainer_free);
  }

  /**
   * A trainer with the default options.
   *
   * @param model the model
   * @param plan its plan
   * @return the trainer
   */
  public static Trainer create(Model model, Plan plan) {
    return create(model, plan, null);
  }

  /**
   * Allocates what the plan says and loads the weights. Model and plan may be closed afterwards.
   *
   * @param model the model
   * @param plan its plan
   * @param options may be null
   * @return the trainer
   * @throws HorizonLmException where the weights cannot be loaded, or an option is not legal
   */
  public static Trainer create(Model model, Plan plan, TrainerOptions options) {
    long[] out = new long[1];
    model.run(m -> plan.run(p -> Options.with(options, struct -> Native.hlm_trainer_create(m, p, struct, out))));
    return new Trainer(out[0]);
  }

  /**
   * One optimizer step: accumulate, then apply. A batch of which nothing is predicted makes a step that is skipped.
   *
   * @param batch what to train on
   * @return what the step did
   * @throws HorizonLmException INVALID_ARGUMENT for a batch that is not legal, CANCELLED, DEADLINE_EXCEEDED
   */
  public StepMetrics step(Batch batch) {
    IntBuffer ids = batch.nativeIds();
    LongBuffer offsets = batch.nativeOffsets();
    IntBuffer labels = batch.nativeLabels();
    FloatBuffer weights = batch.nativeWeights();
    return get(box -> StepMetrics.of(out -> Native.hlm_trainer_step(box, ids, offsets, labels, weights, batch.denominator(), out)));
  }

  /**
   * Forward and backward: adds the batch's gradient to what was accumulated since the last apply; changes no weight.
   *
   * @param batch what to train on
   * @return the batch's loss
   * @throws HorizonLmException FAILED_PRECONDITION under BACKWARD timing
   */
  public Evaluation accumulate(Batch batch) {
    IntBuffer ids = batch.nativeIds();
    LongBuffer offsets = batch.nativeOffsets();
    IntBuffer labels = batch.nativeLabels();
    FloatBuffer weights = batch.nativeWeights();
    double[] loss = new double[1];
    long[] tokens = new long[1];
    run(box -> Native.hlm_trainer_accumulate(box, ids, offsets, labels, weights, batch.denominator(), loss, tokens));
    return new Evaluation(loss[0], tokens[0]);
  }

  /**
   * Clips, updates the weights, forgets the gradient.
   *
   * @return what the step did
   * @throws HorizonLmException FAILED_PRECONDITION where nothing was accumulated
   */
  public StepMetrics apply() {
    return get(box -> StepMetrics.of(out -> Native.hlm_trainer_apply(box, out)));
  }

  /** Forgets what was accumulated; no weight changes. */
  public void discard() {
    run(Native::hlm_trainer_discard);
  }

  /**
   * Sets a constant learning rate from the next apply on, instead of the schedule's.
   *
   * @param lr the rate; negative: the schedule again
   */
  public void setLearningRate(double lr) {
    run(box -> Native.hlm_trainer_set_learning_rate(box, lr));
  }

  /**
   * The mean loss over the batch's predicted tokens; changes nothing.
   *
   * @param batch what to evaluate
   * @return the loss
   */
  public Evaluation evaluate(Batch batch) {
    IntBuffer ids = batch.nativeIds();
    LongBuffer offsets = batch.nativeOffsets();
    IntBuffer labels = batch.nativeLabels();
    FloatBuffer weights = batch.nativeWeights();
    double[] loss = new double[1];
    long[] tokens = new long[1];
    run(box -> Native.hlm_trainer_evaluate(box, ids, offsets, labels, weights, batch.denominator(), loss, tokens));
    return new Evaluation(loss[0], tokens[0]);
  }

  /**
   * Logits of the next token.
   *
   * @param batch whose ids and offsets are read
   * @param places rising indices into ids; null: every place
   * @param logits is written to: [places, vocabulary], exactly
   */
  public void logits(Batch batch, LongBuffer places, FloatBuffer logits) {
    IntBuffer ids = batch.nativeIds();
    LongBuffer offsets = batch.nativeOffsets();
    LongBuffer at = Buffers.in(places, "places");
    FloatBuffer out = Buffers.out(Objects.requireNonNull(logits, "logits"), "logits");
    run(box -> Native.hlm_trainer_logits(box, ids, offsets, at, out));
  }

  /**
   * Reads as much of a tensor as the buffer holds, as float whatever it is stored as.
   *
   * @param name the tensor
   * @param kind what of it
   * @param byteOffset where to begin, in bytes of float: tensors may be larger than a buffer
   * @param data is written to, from position to limit
   * @throws HorizonLmException NOT_FOUND for a name the model lacks, OUT_OF_RANGE past the end, FAILED_PRECONDITION for a kind that is not there now
   */
  public void readTensor(String name, TensorKind kind, long byteOffset, FloatBuffer data) {
    byte[] text = Text.encode(name, "name");
    FloatBuffer out = Buffers.out(Objects.requireNonNull(data, "data"), "data");
    checkOffset(byteOffset);
    run(box -> Native.hlm_trainer_read_tensor(box, text, kind.value(), byteOffset, out));
  }

  /**
   * The inverse of readTensor. Values must be finite.
   *
   * @param name the tensor
   * @param kind what of it
   * @param byteOffset where to begin, in bytes of float
   * @param data is read, from position to limit
   */
  public void writeTensor(String name, TensorKind kind, long byteOffset, FloatBuffer data) {
    byte[] text = Text.encode(name, "name");
    FloatBuffer in = Buffers.in(Objects.requireNonNull(data, "data"), "data");
    checkOffset(byteOffset);
    run(box -> Native.hlm_trainer_write_tensor(box, text, kind.value(), byteOffset, in));
  }

  private static void checkOffset(long byteOffset) {
    if (byteOffset < 0) {
      throw new HorizonLmException(Code.OUT_OF_RANGE, "byteOffset is " + byteOffset + "; it must not be negative");
    }
  }

  /**
   * Writes the current weights as a Hugging Face folder.
   *
   * @param folder the folder
   * @throws HorizonLmException ALREADY_EXISTS where it is not empty
   */
  public void saveModel(Path folder) {
    saveModel(folder, null);
  }

  /**
   * Writes the current weights as a Hugging Face folder. It is never left half written.
   *
   * @param folder the folder
   * @param options may be null
   * @throws HorizonLmException ALREADY_EXISTS where it is not empty and overwrite is false
   */
  public void saveModel(Path folder, SaveOptions options) {
    byte[] text = Text.encode(folder.toString(), "folder");
    run(box -> Options.with(options, struct -> Native.hlm_trainer_save_model(box, text, struct)));
  }

  /**
   * Counters since creation; docs/metrics.md lists the keys.
   *
   * @return a JSON object
   */
  public String metricsJson() {
    return get(box -> Text.of(out -> Native.hlm_trainer_metrics(box, out)));
  }

  /**
   * Counters since creation: metricsJson, read.
   *
   * @return maps, lists, strings, Long and Double
   */
  @SuppressWarnings("unchecked")
  public Map<String, Object> metrics() {
    return (Map<String, Object>) Text.parse(metricsJson());
  }

  /** Starts recording a trace, forgetting an earlier one. */
  public void traceStart() {
    run(Native::hlm_trainer_trace_start);
  }

  /**
   * Ends the trace and writes it as Chrome/Perfetto JSON.
   *
   * @param path the file
   */
  public void traceWrite(Path path) {
    byte[] text = Text.encode(path.toString(), "path");
    run(box -> Native.hlm_trainer_trace_write(box, text));
  }

  /** Asks the call in progress, or the next one, to end with CANCELLED. Any thread may call it; it never fails. */
  public void cancel() {
    run(Native::hlm_trainer_cancel);
  }

  /**
   * Makes every later step, accumulate, evaluate and logits end with DEADLINE_EXCEEDED once it has run for so long.
   *
   * @param seconds 0: no limit
   */
  public void setDeadline(double seconds) {
    run(box -> Native.hlm_trainer_set_deadline(box, seconds));
  }

  /** Waits for pending updates. */
  public void finish() {
    run(Native::hlm_trainer_finish);
  }
}
