package org.horizonlm;

import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.Map;
import org.horizonlm.internal.Native;

/** Trains a model under a plan. */
public final class Trainer extends Losses {
  private static final double LOOK_SECONDS = 0.05;

  private final String about;

  private Trainer(long box, String about, boolean grouped) {
    super(box, Native::hlm_trainer_close, Native::hlm_trainer_closed, Native::hlm_trainer_free, grouped);
    this.about = about;
  }

  @Override
  String about() {
    return about;
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
    Arguments.given(model, "model");
    Arguments.given(plan, "plan");
    String about = model.about();
    long[] out = new long[1];
    model.run(m -> plan.run(p -> Options.with(options, struct -> Native.hlm_trainer_create(m, p, struct, out))));
    return new Trainer(out[0], about, false);
  }

  /**
   * A trainer that shares every step with those of the other processes of a group; every one of them makes the same calls, each with rows of its own.
   *
   * @param model the model
   * @param plan its plan, made with so many processes
   * @param options may be null
   * @param group the group, which may be closed afterwards
   * @return the trainer
   * @throws HorizonLmException FAILED_PRECONDITION naming the rank where models, plans or options differ
   */
  public static Trainer create(Model model, Plan plan, TrainerOptions options, Group group) {
    Arguments.given(model, "model");
    Arguments.given(plan, "plan");
    boolean several = Arguments.given(group, "group").size() > 1;
    String about = model.about();
    long[] out = new long[1];
    model.run(m -> plan.run(p -> group.run(g -> Options.with(options, struct -> Native.hlm_trainer_create_in_group(m, p, struct, g, out)))));
    return new Trainer(out[0], about, several);
  }

  /**
   * One optimizer step: accumulate, then apply. A batch of which nothing is predicted makes a step that is skipped.
   *
   * @param batch what to train on
   * @return what the step did
   * @throws HorizonLmException INVALID_ARGUMENT for a batch that is not legal, CANCELLED, DEADLINE_EXCEEDED
   */
  public StepMetrics step(Batch batch) {
    Batch.Parts of = Batch.parts(batch);
    return StepMetrics.of(out -> watched(box -> Native.hlm_trainer_step(
        box, of.ids(), of.offsets(), of.labels(), of.weights(), of.denominator(), of.entropyWeights(), of.temperature(), out)));
  }

  /**
   * Forward and backward: adds the batch's gradient to what was accumulated since the last apply; changes no weight.
   *
   * @param batch what to train on
   * @return the batch's loss
   * @throws HorizonLmException FAILED_PRECONDITION under BACKWARD timing
   */
  public Evaluation accumulate(Batch batch) {
    Batch.Parts of = Batch.parts(batch);
    double[] loss = new double[1];
    long[] tokens = new long[1];
    watched(box -> Native.hlm_trainer_accumulate(box, of.ids(), of.offsets(), of.labels(), of.weights(), of.denominator(), of.entropyWeights(), of.temperature(), loss, tokens));
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
    Batch.Parts of = Batch.parts(batch);
    double[] loss = new double[1];
    long[] tokens = new long[1];
    watched(box -> Native.hlm_trainer_evaluate(box, of.ids(), of.offsets(), of.labels(), of.weights(), of.denominator(), of.entropyWeights(), of.temperature(), loss, tokens));
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
    Batch.Parts of = Batch.parts(batch);
    LongBuffer at = Buffers.in(places, "places");
    FloatBuffer out = Buffers.out(Arguments.given(logits, "logits"), "logits");
    watched(box -> Native.hlm_trainer_logits(box, of.ids(), of.offsets(), at, out));
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
    int what = Arguments.given(kind, "kind").value();
    FloatBuffer out = Buffers.out(Arguments.given(data, "data"), "data");
    checkOffset(byteOffset);
    run(box -> Native.hlm_trainer_read_tensor(box, text, what, byteOffset, out));
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
    int what = Arguments.given(kind, "kind").value();
    FloatBuffer in = Buffers.in(Arguments.given(data, "data"), "data");
    checkOffset(byteOffset);
    run(box -> Native.hlm_trainer_write_tensor(box, text, what, byteOffset, in));
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
    byte[] text = Text.encode(folder, "folder");
    run(box -> Options.with(options, struct -> Native.hlm_trainer_save_model(box, text, struct)));
  }

  /**
   * Saves the state after the last step into directory/step-&lt;step&gt;, never half; docs/checkpoint.md is the format.
   *
   * @param directory of checkpoints; it is made where it is missing
   * @param options may be null
   * @throws HorizonLmException FAILED_PRECONDITION between accumulate and apply, and for a plan without optimizer states
   */
  public void save(Path directory, CheckpointOptions options) {
    byte[] text = Text.encode(directory, "directory");
    run(box -> Options.with(options, struct -> Native.hlm_trainer_save(box, text, struct)));
  }

  /**
   * Waits until no save is under way.
   *
   * @param seconds at most so long; 0: looks only; negative: without limit
   * @return whether none is under way
   * @throws HorizonLmException once, that of a background save that failed; CANCELLED where the thread is interrupted, which it stays. The save goes on then
   */
  public boolean saveWait(double seconds) {
    long begun = System.nanoTime();
    int[] done = new int[1];
    double left = seconds;
    while (true) { // in short waits: in one that is native nobody sees an interrupt
      double now = seconds < 0 ? LOOK_SECONDS : Math.min(left, LOOK_SECONDS);
      run(box -> Native.hlm_trainer_save_wait(box, now, done));
      left = seconds - 1e-9 * (System.nanoTime() - begun);
      if (done[0] != 0 || (seconds >= 0 && left <= 0)) {
        return done[0] != 0;
      }
      if (Thread.currentThread().isInterrupted()) {
        throw new HorizonLmException(Code.CANCELLED, "the thread was interrupted while it waited for a save");
      }
    }
  }

  /**
   * Puts the trainer into the state of the newest good checkpoint of a directory, or of one checkpoint folder.
   *
   * @param path the directory or the folder
   * @param options may be null
   * @return "step", "path", "user_data" (or null), "passed_over": the damaged ones
   * @throws HorizonLmException NOT_FOUND where there is none, DATA_LOSS where all are damaged, FAILED_PRECONDITION for one of another model, precision or numerics
   */
  @SuppressWarnings("unchecked")
  public Map<String, Object> resume(Path path, ResumeOptions options) {
    byte[] text = Text.encode(path, "path");
    return (Map<String, Object>) Text.parse(Text.of(out -> run(box -> Options.with(options, struct -> Native.hlm_trainer_resume(box, text, struct, out)))));
  }

  /**
   * Fails where save could not write into a directory, or has too few bytes free.
   *
   * @param directory of checkpoints; one that is missing stays so
   * @param bytes needed: of one checkpoint plan.value("saving.state_bytes")
   * @throws HorizonLmException FAILED_PRECONDITION, NOT_FOUND or RESOURCE_EXHAUSTED
   */
  public static void checkCheckpoints(Path directory, long bytes) {
    NativeLibrary.load();
    Native.hlm_checkpoint_check(Text.encode(directory, "directory"), bytes);
  }

  /**
   * The checkpoints of a directory, newest first; both lists are empty for a directory that is missing.
   *
   * @param directory of checkpoints
   * @return "checkpoints": maps of "path", "step", "bytes", "numerics", "user_data"; "damaged"
   */
  @SuppressWarnings("unchecked")
  public static Map<String, Object> checkpoints(Path directory) {
    NativeLibrary.load();
    byte[] text = Text.encode(directory, "directory");
    return (Map<String, Object>) Text.parse(Text.of(out -> Native.hlm_checkpoint_list(text, out)));
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
    byte[] text = Text.encode(path, "path");
    run(box -> Native.hlm_trainer_trace_write(box, text));
  }

  /**
   * Makes every later call that {@link #cancel} ends (steps, what accumulates, apply, evaluations, logits and log-probabilities) end with DEADLINE_EXCEEDED once
   * it has run for so long.
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
