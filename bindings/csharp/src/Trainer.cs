using System;
using System.Collections.Generic;
using System.Threading;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>What is read or written of a tensor.</summary>
  public enum TensorKind {
    /// <summary>The fp32 master.</summary>
    Weight = Native.HLM_TENSOR_WEIGHT,
    /// <summary>As the optimizer will read it, before clipping; between Accumulate and Apply.</summary>
    Gradient = Native.HLM_TENSOR_GRADIENT,
    /// <summary>The optimizer's first moment.</summary>
    FirstMoment = Native.HLM_TENSOR_FIRST_MOMENT,
    /// <summary>The optimizer's second moment.</summary>
    SecondMoment = Native.HLM_TENSOR_SECOND_MOMENT,
  }

  /// <summary>Trains a model under a plan. A step that a CancellationToken ends is an OperationCanceledException; the trainer stays usable.</summary>
  public sealed class Trainer : Losses {
    private readonly string about;

    private Trainer(IntPtr box, string about, bool grouped) : base(box, grouped) {
      this.about = about;
    }

    internal override string About() {
      return about;
    }

    /// <summary>Allocates what the plan says and loads the weights. Model and plan may be disposed afterwards.</summary>
    public static Trainer Create(Model model, Plan plan, TrainerOptions options = null) {
      IntPtr box = IntPtr.Zero;
      var m = Of(model, nameof(model));
      var p = Of(plan, nameof(plan));
      string about = model.About();
      Options.With(options, own => Native.hlm_trainer_create(m, p, own, out box));
      return new Trainer(box, about, false);
    }

    /// <summary>A trainer that shares every step with those of the other processes of a group; every one of them makes the same calls, each with rows of its
    /// own. The group may be disposed afterwards.</summary>
    public static Trainer Create(Model model, Plan plan, TrainerOptions options, Group group) {
      IntPtr box = IntPtr.Zero;
      var m = Of(model, nameof(model));
      var p = Of(plan, nameof(plan));
      var g = Of(group, nameof(group));
      string about = model.About();
      bool grouped = group.Size > 1;
      Options.With(options, own => Native.hlm_trainer_create_in_group(m, p, own, g, out box));
      return new Trainer(box, about, grouped);
    }

    /// <summary>One optimizer step: accumulate, then apply. A batch of which nothing is predicted makes a step that is skipped.</summary>
    public StepMetrics Step(Batch batch, CancellationToken token = default(CancellationToken)) {
      Batch b = Batch.Checked(batch);
      var m = new double[StepMetrics.Members];
      Under(token, () => Native.hlm_trainer_step(Box, b.Ids, b.Offsets, b.Labels, b.Weights, b.Denominator, b.EntropyWeights, b.Temperature, m));
      return new StepMetrics(m);
    }

    /// <summary>Forward and backward: adds the batch's gradient to what was accumulated since the last apply; changes no weight.</summary>
    public Evaluation Accumulate(Batch batch, CancellationToken token = default(CancellationToken)) {
      Batch b = Batch.Checked(batch);
      double loss = 0;
      long tokens = 0;
      Under(token, () => Native.hlm_trainer_accumulate(Box, b.Ids, b.Offsets, b.Labels, b.Weights, b.Denominator, b.EntropyWeights, b.Temperature, out loss,
                                                       out tokens));
      return new Evaluation(loss, tokens);
    }

    /// <summary>Clips, updates the weights, forgets the gradient. FailedPrecondition where nothing was accumulated.</summary>
    public StepMetrics Apply() {
      var m = new double[StepMetrics.Members];
      Native.hlm_trainer_apply(Box, m);
      return new StepMetrics(m);
    }

    /// <summary>Forgets what was accumulated; no weight changes.</summary>
    public void Discard() {
      Native.hlm_trainer_discard(Box);
    }

    /// <summary>A constant rate from the next apply on, instead of the schedule's; negative: the schedule again.</summary>
    public void SetLearningRate(double lr) {
      Native.hlm_trainer_set_learning_rate(Box, lr);
    }

    /// <summary>Logits of the next token at `places` (rising indices into ids; null: every place), into [places, vocabulary] floats, exactly.</summary>
    public void Logits(Batch batch, long[] places, float[] logits, CancellationToken token = default(CancellationToken)) {
      Batch b = Batch.Checked(batch);
      Arguments.Given(logits, nameof(logits));
      Under(token, () => Native.hlm_trainer_logits(Box, b.Ids, b.Offsets, places, logits));
    }

    /// <summary>Reads as much of a tensor as the array holds, as float whatever it is stored as, from byteOffset (in bytes of float) on. NotFound for a name
    /// that the model lacks, OutOfRange past the end, FailedPrecondition for a kind that is not there now.</summary>
    public void ReadTensor(string name, float[] data, TensorKind kind = TensorKind.Weight, long byteOffset = 0) {
      Arguments.Given(data, nameof(data));
      using (var pinned = new Pinned(data, 4)) {
        Native.hlm_trainer_read_tensor(Box, Text.Encode(name, nameof(name)), (int)kind, Place(byteOffset), pinned);
      }
    }

    /// <summary>The inverse of ReadTensor. Values must be finite.</summary>
    public void WriteTensor(string name, float[] data, TensorKind kind = TensorKind.Weight, long byteOffset = 0) {
      Arguments.Given(data, nameof(data));
      using (var pinned = new Pinned(data, 4)) {
        Native.hlm_trainer_write_tensor(Box, Text.Encode(name, nameof(name)), (int)kind, Place(byteOffset), pinned);
      }
    }

    private static long Place(long byteOffset) {
      if (byteOffset < 0) throw new HorizonLMException(Code.OutOfRange, "byteOffset is " + byteOffset + "; it must not be negative");
      return byteOffset;
    }

    /// <summary>Writes the current weights as a Hugging Face folder, which is never left half written. AlreadyExists where it is not empty.</summary>
    public void SaveModel(string folder, SaveOptions options = null) {
      byte[] text = Text.Encode(folder, nameof(folder));
      Options.With(options, own => Native.hlm_trainer_save_model(Box, text, own));
    }

    /// <summary>Saves the state after the last step into directory/step-N, never half; docs/checkpoint.md is the format. FailedPrecondition between
    /// Accumulate and Apply, and for a plan without optimizer states.</summary>
    public void Save(string directory, CheckpointOptions options = null) {
      byte[] text = Text.Encode(directory, nameof(directory));
      Options.With(options, own => Native.hlm_trainer_save(Box, text, own));
    }

    /// <summary>Waits at most so long (0: looks only; negative: without limit) until no save is under way, and says whether none is. Throws, once, the error
    /// of a background save that failed. A token that is cancelled ends the wait, and not the save.</summary>
    public bool SaveWait(double seconds = -1, CancellationToken token = default(CancellationToken)) {
      const double look = 0.05;  // in short waits: in one that is native nobody sees a token
      var watch = System.Diagnostics.Stopwatch.StartNew();
      while (true) {
        int done;
        double left = Math.Max(seconds - watch.Elapsed.TotalSeconds, 0);
        Native.hlm_trainer_save_wait(Box, !token.CanBeCanceled ? (seconds < 0 ? seconds : left) : seconds < 0 ? look : Math.Min(left, look), out done);
        if (done != 0 || (seconds >= 0 && watch.Elapsed.TotalSeconds >= seconds)) return done != 0;
        token.ThrowIfCancellationRequested();
      }
    }

    /// <summary>Puts the trainer into the state of the newest good checkpoint of a directory, or of one checkpoint folder: "step", "path", "user_data" (or
    /// null), "passed_over": the damaged ones. NotFound where there is none, DataLoss where all are damaged, FailedPrecondition for one of another model,
    /// precision or numerics.</summary>
    public IReadOnlyDictionary<string, object> Resume(string path, ResumeOptions options = null) {
      byte[] place = Text.Encode(path, nameof(path));
      IntPtr text = IntPtr.Zero;
      Options.With(options, own => Native.hlm_trainer_resume(Box, place, own, out text));
      return Json.Object(Text.Take(text));
    }

    /// <summary>Fails where Save could not write into a directory, or has fewer than so many bytes free: of one checkpoint
    /// plan.Value("saving.state_bytes").</summary>
    public static void CheckCheckpoints(string directory, long bytes) {
      Library.Load();
      Native.hlm_checkpoint_check(Text.Encode(directory, nameof(directory)), bytes);
    }

    /// <summary>The checkpoints of a directory, newest first: "checkpoints" and "damaged". Both are empty for a directory that is missing.</summary>
    public static IReadOnlyDictionary<string, object> Checkpoints(string directory) {
      Library.Load();
      IntPtr text;
      Native.hlm_checkpoint_list(Text.Encode(directory, nameof(directory)), out text);
      return Json.Object(Text.Take(text));
    }

    /// <summary>Counters since creation: bytes moved, waits by cause, seconds by phase; docs/metrics.md lists the keys.</summary>
    public IReadOnlyDictionary<string, object> Metrics() {
      IntPtr text;
      Native.hlm_trainer_metrics(Box, out text);
      return Json.Object(Text.Take(text));
    }

    /// <summary>Starts recording a trace, forgetting an earlier one.</summary>
    public void TraceStart() {
      Native.hlm_trainer_trace_start(Box);
    }

    /// <summary>Ends the trace and writes it as Chrome/Perfetto JSON.</summary>
    public void TraceWrite(string path) {
      Native.hlm_trainer_trace_write(Box, Text.Encode(path, nameof(path)));
    }

    /// <summary>Every later call that Cancel ends (steps, what accumulates, Apply, evaluations, logits and log-probabilities) ends with DeadlineExceeded
    /// once it has run for so many seconds; 0: no limit.</summary>
    public void SetDeadline(double seconds) {
      Native.hlm_trainer_set_deadline(Box, seconds);
    }

    /// <summary>Waits for pending updates.</summary>
    public void Finish() {
      Native.hlm_trainer_finish(Box);
    }
  }
}
