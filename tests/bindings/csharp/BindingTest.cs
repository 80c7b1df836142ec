using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using HorizonLM;

/// <summary>What the C# binding promises. Each test throws where a promise does not hold: BindingTest WORK_FOLDER VERSION MODEL_FOLDER CYCLES</summary>
public static class BindingTest {
  private const string Config = @"{""architectures"": [""LlamaForCausalLM""], ""model_type"": ""llama"", ""hidden_act"": ""silu"", ""hidden_size"": 32,
    ""intermediate_size"": 64, ""num_hidden_layers"": 2, ""num_attention_heads"": 4, ""num_key_value_heads"": 2, ""vocab_size"": 16,
    ""max_position_embeddings"": 64, ""rms_norm_eps"": 1e-5, ""rope_theta"": 10000.0, ""tie_word_embeddings"": false, ""initializer_range"": 0.02}";

  private static Trainer MakeTrainer(long rows = 2, long length = 8, long copies = 0) {
    using (Model model = Model.Create(Config, 1))
    using (Plan plan = Plan.Make(model, new PlanOptions {Device = "cpu", BatchSize = rows, SeqLen = length, FrozenCopies = copies})) {
      return Trainer.Create(model, plan, new TrainerOptions {Lr = 1e-2, TokenMetrics = true});
    }
  }

  private static Batch MakeBatch() {
    return Batch.Of(new[] {1, 2, 3, 4, 5, 6, 7, 8}, new[] {9, 8, 7, 6, 5});
  }

  private static void Check(bool holds, string what) {
    if (!holds) throw new Exception("does not hold: " + what);
  }

  private static E Thrown<E>(Action body) where E : Exception {
    try {
      body();
    } catch (E error) {
      return error;
    } catch (Exception error) {
      throw new Exception("thrown was " + error + ", not a " + typeof(E));
    }
    throw new Exception("nothing was thrown, a " + typeof(E) + " was wanted");
  }

  private static void Fails(Code code, string part, Action body) {
    var error = Thrown<HorizonLMException>(body);
    Check(error.Code == code && error.Message.Contains(part), error.Code + ": " + error.Message + "; wanted " + code + ": " + part);
  }

  private static void Arrays() {
    using (Trainer trainer = MakeTrainer()) {
      Thrown<ArgumentNullException>(() => new Batch(null));
      Thrown<ArgumentNullException>(() => trainer.Step(null));
      Fails(Code.InvalidArgument, "99", () => trainer.Evaluate(new Batch(new[] {1, 99})));
      Fails(Code.InvalidArgument, "offsets", () => trainer.Evaluate(new Batch(new[] {1, 2, 3}, new long[] {0, 2})));
      Fails(Code.InvalidArgument, "labels", () => trainer.Evaluate(new Batch(new[] {1, 2, 3}) {Labels = new int[2]}));
      Fails(Code.InvalidArgument, "weights", () => trainer.Evaluate(new Batch(new[] {1, 2, 3}) {Weights = new float[2]}));
      Fails(Code.InvalidArgument, "logits", () => trainer.Logits(MakeBatch(), null, new float[7]));
      // Labels that are the ids, and weights of 1, change nothing.
      Evaluation plain = trainer.Evaluate(MakeBatch());
      Batch full = MakeBatch();
      full.Labels = (int[])full.Ids.Clone();
      full.Weights = Enumerable.Repeat(1f, full.Ids.Length).ToArray();
      Evaluation same = trainer.Evaluate(full);
      Check(plain.Loss == same.Loss && plain.Tokens == 11 && same.Tokens == 11, "the same loss");
      // A logit's softmax is a log-probability: the mean of those predicted is the loss.
      var logits = new float[13 * 16];
      trainer.Logits(MakeBatch(), null, logits);
      float[] logprobs = trainer.Logprobs(MakeBatch());
      double sum = 0;
      for (int t = 1; t < 13; ++t) {
        if (t == 8) continue;  // a document's first
        double[] row = logits.Skip(16 * (t - 1)).Take(16).Select(x => (double)x).ToArray();
        double most = row.Max(), log = row[full.Ids[t]] - most - Math.Log(row.Sum(x => Math.Exp(x - most)));
        Check(Math.Abs(log - logprobs[t]) < 1e-3, "log-probability " + t + ": " + log + ", " + logprobs[t]);
        sum -= log;
      }
      Check(Math.Abs(sum / 11 - plain.Loss) < 1e-3 && logprobs[0] == 0 && logprobs[8] == 0, "the loss of the logits");
      var sums = new double[2];
      var tokens = new double[2];
      MakeBatch().SumLogprobs(logprobs, sums, tokens);
      Check(tokens[0] == 7 && tokens[1] == 4 && Math.Abs(sums[0] - logprobs.Skip(1).Take(7).Sum(x => (double)x)) < 1e-9, "sums");
    }
  }

  private static void Tensors() {
    using (Trainer trainer = MakeTrainer()) {
      var norm = new float[32];
      trainer.ReadTensor("model.norm.weight", norm);
      Check(norm.All(x => x == 1), "a new norm is 1");
      trainer.WriteTensor("model.norm.weight", new[] {0.5f, 0.25f}, TensorKind.Weight, 8);
      trainer.ReadTensor("model.norm.weight", norm);
      Check(norm[1] == 1 && norm[2] == 0.5f && norm[3] == 0.25f && norm[4] == 1, "written in its place");
      Fails(Code.NotFound, "no.such", () => trainer.ReadTensor("no.such", norm));
      Fails(Code.OutOfRange, "", () => trainer.ReadTensor("model.norm.weight", norm, TensorKind.Weight, 4));
      Fails(Code.OutOfRange, "-4", () => trainer.ReadTensor("model.norm.weight", norm, TensorKind.Weight, -4));
      Fails(Code.FailedPrecondition, "", () => trainer.ReadTensor("model.norm.weight", norm, TensorKind.Gradient));
      Fails(Code.InvalidArgument, "", () => trainer.WriteTensor("model.norm.weight", new[] {float.NaN}));
      Check(trainer.Accumulate(MakeBatch()).Tokens == 11, "accumulated");
      trainer.ReadTensor("model.norm.weight", norm, TensorKind.Gradient);
      Check(norm.Any(x => x != 0), "a gradient");
      trainer.Discard();
      Fails(Code.FailedPrecondition, "", () => trainer.Apply());
    }
  }

  private static void Optimizers() {
    const int n = 300;
    var random = new Random(1);
    float[] weight = Enumerable.Range(0, n).Select(i => (float)random.NextDouble()).ToArray(), before = (float[])weight.Clone();
    float[] gradient = Enumerable.Range(0, n).Select(i => (float)(random.NextDouble() - 0.5)).ToArray();
    var arrays = new OptimizerArrays {Weight = weight, Gradient = gradient, FirstMoment = new float[n], SecondMoment = new float[n]};
    using (Optimizer adamw = Optimizer.Create(new OptimizerOptions {WeightDecay = 0.1, Threads = 2})) {
      adamw.Step(1, 1e-2, arrays);
      for (int i = 0; i < n; ++i) {  // AdamW's first step in double: the moments' corrections cancel
        double g = gradient[i], wanted = before[i] - 1e-2 * (g / (Math.Abs(g) + 1e-8) + 0.1 * before[i]);
        Check(Math.Abs(weight[i] - wanted) < 1e-6, "element " + i + ": " + weight[i] + ", " + wanted);
      }
      Check(Math.Abs(adamw.SquaredNorm(gradient) - gradient.Sum(x => (double)x * x)) < 1e-9, "the norm");
      var high = new ushort[n];
      var low = new ushort[n];
      var back = new float[n];
      adamw.Split(weight, high, low);
      adamw.Join(high, low, back);
      Check(weight.SequenceEqual(back), "a split is exact");
      var sum = (float[])gradient.Clone();
      adamw.Accumulate(sum, gradient);
      Check(Enumerable.Range(0, n).All(i => sum[i] == 2 * gradient[i]), "a sum");
      Fails(Code.InvalidArgument, "gradient", () => adamw.Step(2, 1e-2, new OptimizerArrays {Weight = weight, Gradient = new float[3]}));
      Check(Thrown<ArgumentException>(() => adamw.SquaredNorm(new double[3])).Message.Contains("float[]"), "the type is named");
      Thrown<ArgumentException>(() => adamw.SquaredNorm(new short[3]));  // which C# takes for a ushort[]
    }
    using (Optimizer packed = Optimizer.Create(new OptimizerOptions {States = States.Int8})) {
      long bytes = packed.StateBytes(TensorKind.FirstMoment, n), scales = packed.StateScales(TensorKind.FirstMoment, n);
      Check(bytes >= n && scales == 2, "sizes " + bytes + ", " + scales);
      long second = packed.StateBytes(TensorKind.SecondMoment, n);
      packed.Step(1, 1e-2, new OptimizerArrays {
        WeightBf16 = new ushort[n], Remainder = new ushort[n], Gradient = gradient, FirstMomentPacked = new byte[bytes], SecondMomentPacked = new byte[second],
        FirstScales = new float[scales], SecondScales = new float[packed.StateScales(TensorKind.SecondMoment, n)],
      });
      var moment = new byte[bytes];
      var values = new float[n];
      var by = new float[scales];
      packed.WriteState(TensorKind.FirstMoment, gradient, moment, by);
      packed.ReadState(TensorKind.FirstMoment, moment, by, values);
      Check(Enumerable.Range(0, n).All(i => Math.Abs(values[i] - gradient[i]) < 0.02), "packed and read");
      Fails(Code.InvalidArgument, "moment has 3 bytes", () => packed.ReadState(TensorKind.FirstMoment, new byte[3], by, values));
    }
  }

  private static void OptionsReachTheLibrary() {
    using (Model model = Model.Create(Config, 1)) {
      var options = new PlanOptions {Device = "cpu", BatchSize = 3, SeqLen = 7, Compute = DType.F32, OptimizerTiming = Timing.Serial};
      using (Plan plan = Plan.Make(model, options)) {
        IReadOnlyDictionary<string, object> json = plan.Describe();
        Check((long)json["step_tokens"] == 21 && plan.Value("step_tokens") == 21 && (string)json["optimizer_timing"] == "serial", plan.ToJson());
        Check((string)((IReadOnlyDictionary<string, object>)json["numerics"])["compute"] == "f32", "compute");
        Fails(Code.NotFound, "no_such_key", () => plan.Value("no_such_key"));
        using (Plan again = Plan.Make(model, new PlanOptions {MachineJson = Device.MachineJson("cpu")})) Check(again.Value("step_tokens") == 8 * 512, "defaults");
      }
      Fails(Code.InvalidArgument, "batch_size is -1", () => Plan.Make(model, new PlanOptions {BatchSize = -1}));
      Fails(Code.InvalidArgument, "batch_size is 0", () => Plan.Make(model, new PlanOptions {BatchSize = 0}));  // said, and not the default
      Fails(Code.ResourceExhausted, "", () => Plan.Make(model, new PlanOptions {Device = "cpu", HostLimitBytes = 1000}));
      Fails(Code.NotFound, "tpu", () => Plan.Make(model, new PlanOptions {Device = "tpu"}));
      Check(Thrown<ArgumentException>(() => Plan.Make(model, new PlanOptions {Device = "cp\0u"})).ParamName == "Device", "a 0 in a text");
      Thrown<ArgumentException>(() => Plan.Make(model, new PlanOptions {Device = "cpu\ud800"}));
      Thrown<ArgumentNullException>(() => Plan.Make(null));
    }
  }

  private static void Models(string work) {
    Fails(Code.NotFound, "/no/such", () => Model.Open("/no/such/folder"));
    Thrown<HorizonLMException>(() => Model.Create("{not json"));
    string folder = Path.Combine(work, "ünïcode 模型 😀");
    using (Model model = Model.Create(Config, 1)) {
      model.Save(folder);
      Fails(Code.AlreadyExists, "not empty", () => model.Save(folder));
      model.Save(folder, new SaveOptions {Overwrite = true, DType = DType.BF16});
      Check((long)model.Describe()["vocab_size"] == 16, model.DescribeJson());
      Check(model.CheckSave(Path.Combine(work, "new")) > (long)model.Describe()["parameters"] && !Directory.Exists(Path.Combine(work, "new")), "bytes of a save");
      Fails(Code.AlreadyExists, "not empty", () => model.CheckSave(folder));
      Trainer.CheckCheckpoints(work, 1);
      Fails(Code.ResourceExhausted, "free", () => Trainer.CheckCheckpoints(work, 1L << 62));
      using (Model words = model.WithText(new TextOptions {StopIdsJson = "[3, 5]"})) Check(words.DescribeJson().Contains("\"stop_ids\":[3,5]"), words.DescribeJson());
    }
    using (Model again = Model.Open(folder)) Check(((IReadOnlyList<object>)again.Describe()["tensors"]).Count > 10, "tensors");
    Check(Device.List().Last().Name == "cpu" && Device.Describe("cpu").MemoryBytes > 0 && Device.Describe().Details.ContainsKey("reason"), "devices");
    Fails(Code.NotFound, "tpu", () => Device.Describe("tpu"));
  }

  private static void Closing() {
    Model model = Model.Create(Config, 1);
    Plan plan = Plan.Make(model, new PlanOptions {Device = "cpu", BatchSize = 2, SeqLen = 8});
    Trainer trainer = Trainer.Create(model, plan);
    model.Dispose();
    model.Dispose();
    plan.Dispose();
    Fails(Code.FailedPrecondition, "the model is closed", () => model.Describe());
    Fails(Code.FailedPrecondition, "the plan is closed", () => plan.ToJson());
    Check(trainer.Step(MakeBatch()).Step == 1, "a trainer outlives its model and plan");
    trainer.Dispose();
    Fails(Code.FailedPrecondition, "the trainer is closed", () => trainer.Step(MakeBatch()));
    trainer.Cancel();  // never fails
  }

  private static void Training(string work) {
    string checkpoints = Path.Combine(work, "ckpt");
    using (Trainer trainer = MakeTrainer(2, 8, 1)) {
      StepMetrics first = trainer.Step(MakeBatch()), last = null;
      Check(first.Step == 1 && first.Tokens > 0 && !first.Skipped && first.Entropy > 1 && first.MeanTokenAccuracy >= 0, "metrics");
      using (Weights kept = trainer.KeepWeights()) {
        double before = trainer.Evaluate(MakeBatch()).Loss;
        for (int i = 0; i < 20; ++i) last = trainer.Step(MakeBatch());
        Check(last.Loss < first.Loss - 0.5, "it learns");
        Check(trainer.Evaluate(MakeBatch(), kept).Loss == before, "kept weights are those of before");
        Fails(Code.ResourceExhausted, "", () => trainer.KeepWeights());
        Batch pairs = Batch.Of(new[] {1, 2, 3}, new[] {1, 2, 4});
        using (Trainer fresh = MakeTrainer(2, 8, 1))
        using (Weights reference = fresh.KeepWeights()) {
          PreferenceMetrics dpo = fresh.AccumulatePreference(pairs, Reference.OfLogprobs(fresh.Logprobs(pairs, reference)));
          Check(Math.Abs(dpo.Loss - Math.Log(2)) < 1e-9 && dpo.Pairs == 1, "the first DPO loss is ln 2: " + dpo.Loss);
          fresh.Apply();
        }
        Check(trainer.AccumulateKto(pairs, new[] {1, 0}, Reference.OfLogprobs(trainer.Logprobs(pairs, kept))).Desirable == 1, "KTO");
        trainer.Discard();
        Check(trainer.AccumulatePolicy(pairs, new[] {0f, 1f, 1f, 0f, -1f, -1f}).Ratio == 1, "a policy without old log-probabilities");
        trainer.Discard();
      }
      trainer.Save(checkpoints, new CheckpointOptions {UserData = "place 模", Background = true});
      Check(trainer.SaveWait(-1, new CancellationTokenSource().Token) && trainer.SaveWait() && trainer.SaveWait(0.2) && trainer.SaveWait(0) && ((IReadOnlyList<object>)Trainer.Checkpoints(checkpoints)["checkpoints"]).Count == 1, "a checkpoint");
      double next = trainer.Step(MakeBatch()).Loss;
      using (Trainer other = MakeTrainer(2, 8, 1)) {
        IReadOnlyDictionary<string, object> resumed = other.Resume(checkpoints);
        Check((string)resumed["user_data"] == "place 模" && (long)resumed["step"] == 21, "user data");
        Check(other.Step(MakeBatch()).Loss == next, "a resumed run goes on bit for bit");
      }
      Fails(Code.NotFound, "", () => trainer.Resume(Path.Combine(work, "nowhere")));
      Check(trainer.Metrics().Count > 3, "counters");
      trainer.TraceStart();
      trainer.Step(MakeBatch());
      trainer.TraceWrite(Path.Combine(work, "trace.json"));
      Check(new FileInfo(Path.Combine(work, "trace.json")).Length > 100, "a trace");
      trainer.SetDeadline(1e-9);
      Fails(Code.DeadlineExceeded, "", () => trainer.Step(MakeBatch()));
    }
    using (Model model = Model.Create(Config, 1))
    using (Plan plan = Plan.Make(model, new PlanOptions {Device = "cpu", BatchSize = 2, SeqLen = 8}))
    using (Trainer trainer = Trainer.Create(model, plan)) {
      StepMetrics metrics = trainer.Step(MakeBatch());
      Check(metrics.Entropy == null && metrics.MeanTokenAccuracy == null, "metrics that are off are null");
    }
  }

  private static void Cancelling(string work) {
    string deep = Config.Replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 60").Replace("\"max_position_embeddings\": 64", "\"max_position_embeddings\": 512");
    using (Model model = Model.Create(deep, 1))
    using (Plan plan = Plan.Make(model, new PlanOptions {Device = "cpu", BatchSize = 4, SeqLen = 512, Compute = DType.F32}))
    using (Trainer trainer = Trainer.Create(model, plan)) {
      Batch batch = Batch.Of(Enumerable.Repeat(Enumerable.Range(0, 512).Select(i => 1 + i % 15).ToArray(), 4));
      long whole = 0;
      using (var source = new CancellationTokenSource(300)) {
        var error = Thrown<OperationCanceledException>(() => {
          while (true) whole = trainer.Step(batch, source.Token).Step;
        });
        Check(error.CancellationToken == source.Token, "whose token it was");
        Thrown<OperationCanceledException>(() => trainer.Step(batch, source.Token));
      }
      Check(trainer.Step(Batch.Of(new[] {1, 2, 3})).Step == whole + 1, "the trainer stays usable");
    }
    // The wait for a save, of some 100 MB: it takes longer than a look at the token.
    using (Model model = Model.Create(Config.Replace("\"vocab_size\": 16", "\"vocab_size\": 150000"), 1))
    using (Plan plan = Plan.Make(model, new PlanOptions {Device = "cpu", BatchSize = 2, SeqLen = 8}))
    using (Trainer trainer = Trainer.Create(model, plan)) {
      trainer.Step(MakeBatch());
      bool ended = false;
      for (int i = 0; i < 6 && !ended; ++i) {
        string folder = Path.Combine(work, "slow" + i);
        trainer.Save(folder);
        try {
          trainer.SaveWait(-1, new CancellationToken(true));
        } catch (OperationCanceledException) {
          ended = true;
        }
        Check(trainer.SaveWait() && ((IReadOnlyList<object>)Trainer.Checkpoints(folder)["checkpoints"]).Count == 1, "the save goes on");
      }
      Check(ended, "a token ends the wait for a save");
    }
    // A request that comes when a call has just returned ends nothing else.
    using (Trainer trainer = MakeTrainer()) {
      for (int i = 0; i < 200; ++i) {
        using (var source = new CancellationTokenSource()) {
          Task cancels = Task.Run(() => source.Cancel());
          try {
            trainer.Evaluate(MakeBatch(), null, source.Token);
          } catch (OperationCanceledException) {
          }
          cancels.Wait();
        }
        trainer.Evaluate(MakeBatch());
      }
    }
  }

  private static void Threads() {
    Task<double>[] runs = Enumerable.Range(0, 2).Select(_ => Task.Run(() => {
      using (Trainer trainer = MakeTrainer()) {
        double loss = 0;
        for (int i = 0; i < 50; ++i) loss = trainer.Step(MakeBatch()).Loss;
        return loss;
      }
    })).ToArray();
    Check(runs[0].Result == runs[1].Result, "two trainers in two threads do the same");
    using (Trainer trainer = MakeTrainer()) {
      int refused = 0, done = 0;
      Task[] both = Enumerable.Range(0, 2).Select(_ => Task.Run(() => {
        for (int i = 0; i < 100; ++i) {
          try {
            trainer.Step(MakeBatch());
            Interlocked.Increment(ref done);
          } catch (HorizonLMException error) when (error.Code == Code.FailedPrecondition) {
            Interlocked.Increment(ref refused);
          }
        }
      })).ToArray();
      Task.WaitAll(both);
      Check(done + refused == 200 && trainer.Step(MakeBatch()).Step == done + 1, "two threads in one trainer: " + done + ", " + refused);
    }
  }

  private static void Texts(string folder, string work) {
    Fails(Code.NotFound, "", () => Tokenizer.Open("/no/such"));
    using (Tokenizer tokenizer = Tokenizer.Open(folder)) {
      const string text = "say 模型 😀\0!";
      int[] ids = tokenizer.Encode(text);
      Check(tokenizer.Decode(ids) == text, "there and back: " + tokenizer.Decode(ids));
      Check((long)tokenizer.Describe()["vocab_size"] == 259, "the vocabulary: " + tokenizer.Describe()["vocab_size"]);
      LocatedIds located = tokenizer.EncodeWithOffsets(text);
      Check(located.Ids.SequenceEqual(ids) && located.Offsets.Length == 2 * ids.Length && located.Offsets.Last() == text.Length, "places in UTF-16");
      long bytes = tokenizer.EncodeWithOffsets(text, new EncodeOptions {OffsetsIn = OffsetUnit.Bytes}).Offsets.Last();
      Check(bytes == System.Text.Encoding.UTF8.GetByteCount(text), "places in bytes");
      Check(tokenizer.Id(tokenizer.Token(65)) == 65, "a token");
      Fails(Code.NotFound, "", () => tokenizer.Token(9999));
      Fails(Code.NotFound, "", () => tokenizer.Id("no such token"));
      using (Decoder decoder = tokenizer.Decoder()) {
        Check(string.Concat(ids.Select(id => decoder.Push(id))) + decoder.Finish() == text, "id by id");
      }
      Thrown<ArgumentException>(() => tokenizer.Encode("\ud800"));
      using (Template template = Template.Open(folder)) {
        string rendered = template.Render("[{\"role\": \"user\", \"content\": \"hi\"}]", new TemplateOptions {AddGenerationPrompt = true});
        Check(rendered.Contains("hi"), rendered);
        Check(template.RenderTraining("[{\"role\": \"user\", \"content\": \"hi\"}, {\"role\": \"assistant\", \"content\": \"ho\"}]").ContainsKey("sequences"), "training");
        Fails(Code.InvalidArgument, "", () => template.Render("["));
        using (Template alone = Template.Create("{{ eos_token }}"))
        using (Template with = alone.WithTokenizer(tokenizer)) {
          Check(with.Render("[]").Length > 0 && alone.Render("[]").Length == 0, "a tokenizer's tokens");
        }
        string data = Path.Combine(work, "chat.jsonl");
        File.WriteAllText(data, string.Concat(Enumerable.Range(0, 5).Select(
            i => "{\"messages\": [{\"role\": \"user\", \"content\": \"say " + i + "\"}, {\"role\": \"assistant\", \"content\": \"" + i + "\"}]}\n")));
        string config = "{\"data\": \"" + data + "\", \"seq_len\": 64, \"cache_dir\": \"" + Path.Combine(work, "cache") + "\", \"epochs\": 1}";
        using (Dataset set = Dataset.Open(config, tokenizer, template)) {
          string begin = set.Position();
          Documents step = set.Next(2);
          Check(step.Batch.Count == step.Numbers.Length && step.Trained > 0 && step.Rows.Last() == step.Batch.Count && step.Desirable.All(x => x == 1), "a step");
          int[] first = (int[])step.Batch.Ids.Clone();
          long documents = step.Batch.Count + set.Steps(2).Sum(one => (long)one.Batch.Count);
          Check(documents == 5 && step.Batch.Ids.SequenceEqual(first), "an epoch, and arrays that stay");
          set.Seek(begin);
          Check(set.Next(2).Batch.Ids.SequenceEqual(first), "the same again");
          float[] column = Enumerable.Range(0, (int)(long)set.Describe()["column_length"]).Select(i => i + 0.5f).ToArray();
          Fails(Code.NotFound, "", () => set.ReadColumn("reference", "key"));
          set.WriteColumn("reference", "key", column);
          Check(set.ReadColumn("reference", "key").SequenceEqual(column), "a column");
        }
        Check(((string)Dataset.ReadRecord(config, 1)["kind"]).Length > 0, "a record");
        Fails(Code.InvalidArgument, "sequence_length", () => Dataset.Open("{\"data\": \"" + data + "\", \"sequence_length\": 5}", tokenizer, template));
        Fails(Code.FailedPrecondition, "", () => Dataset.Open(config));
      }
    }
  }

  private static long Settled() {
    for (int i = 0; i < 5; ++i) {
      GC.Collect();
      GC.WaitForPendingFinalizers();
    }
    return long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1]) * 4096;
  }

  private static void CyclesDoNotGrow(string folder, int cycles) {
    Action cycle = () => {
      using (Model model = Model.Create(Config, 1)) {
        Thrown<HorizonLMException>(() => Plan.Make(model, new PlanOptions {BatchSize = -1}));
        using (Plan plan = Plan.Make(model, new PlanOptions {Device = "cpu", BatchSize = 2, SeqLen = 8})) plan.ToJson();
      }
      Model.Create(Config, 1);  // and one that is forgotten
      using (Tokenizer tokenizer = Tokenizer.Open(folder))
      using (Template template = Template.Create("{{ messages[0].content }}")) {
        int[] ids = tokenizer.Encode(template.Render("[{\"role\": \"user\", \"content\": \"hi\"}]"));
        using (Decoder decoder = tokenizer.Decoder()) Check(decoder.Push(ids) == "hi", "hi");
        Thrown<HorizonLMException>(() => tokenizer.Token(9999));
      }
    };
    for (int i = 0; i < Math.Max(100, cycles / 3); ++i) cycle();
    long before = Settled();
    for (int i = 0; i < cycles; ++i) cycle();
    long grown = Settled() - before;
    Check(grown < 16L << 20, grown + " bytes more after " + cycles + " cycles");
  }

  private static void Run(string name, Action test) {
    var watch = Stopwatch.StartNew();
    test();
    Console.WriteLine("ok  {0}  ({1} ms)", name, watch.ElapsedMilliseconds);
  }

  public static int Main(string[] arguments) {
    CultureInfo.CurrentCulture = new CultureInfo("de-DE");  // a comma in numbers is nobody's business
    string work = arguments[0];
    if (arguments[1] == "") {  // what a library that is missing says
      Fails(Code.Unavailable, arguments[2], () => Model.Create(Config, 1));
      Console.WriteLine("ok  no library");
      return 0;
    }
    Check(Library.Version == arguments[1], "the version is " + Library.Version);
    Run("arrays", Arrays);
    Run("tensors", Tensors);
    Run("optimizers", Optimizers);
    Run("options", OptionsReachTheLibrary);
    Run("models", () => Models(work));
    Run("closing", Closing);
    Run("training", () => Training(work));
    Run("cancelling", () => Cancelling(work));
    Run("threads", Threads);
    Run("texts", () => Texts(arguments[2], work));
    Run("cycles", () => CyclesDoNotGrow(arguments[2], int.Parse(arguments[3])));
    return 0;
  }
}
