using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using HorizonLM;

/// <summary>What objects say of themselves, and what is said of arguments that are null: MessagesTest WORK_FOLDER MODEL_FOLDER</summary>
public static class MessagesTest {
  private const string Config = @"{""architectures"": [""LlamaForCausalLM""], ""model_type"": ""llama"", ""hidden_act"": ""silu"", ""hidden_size"": 32,
    ""intermediate_size"": 64, ""num_hidden_layers"": 2, ""num_attention_heads"": 4, ""num_key_value_heads"": 2, ""vocab_size"": 16,
    ""max_position_embeddings"": 64, ""rms_norm_eps"": 1e-5, ""rope_theta"": 10000.0, ""tie_word_embeddings"": false, ""initializer_range"": 0.02}";

  private static void Check(bool holds, string what) {
    if (!holds) throw new Exception("does not hold: " + what);
  }

  private static void Says(object one, string text) {
    Check(one.ToString() == text, one + "; wanted " + text);
  }

  private static Dataset Data(string work, string lines, Tokenizer tokenizer) {
    string file = Path.Combine(work, "messages.jsonl");
    File.WriteAllText(file, lines);
    return Dataset.Open("{\"data\": \"" + file + "\", \"cache_dir\": null, \"epochs\": 1, \"append_eos\": false, \"threads\": 1, \"task\": \"pretrain\"}", tokenizer);
  }

  private static void Lines(string work, string folder) {
    Model model = Model.Create(Config, 1);
    Plan plan = Plan.Make(model, new PlanOptions {Device = "cpu", BatchSize = 2, SeqLen = 8, FrozenCopies = 1});
    Trainer trainer = Trainer.Create(model, plan);
    Weights weights = trainer.KeepWeights();
    Tokenizer tokenizer = Tokenizer.Open(folder);
    Says(model, "Model: LlamaForCausalLM, 19,616 parameters");
    Check(System.Text.RegularExpressions.Regex.IsMatch(plan.ToString(), @"^Plan: \d+\.\d\d GiB of host memory, \d+\.\d\d GiB on cpu$"), plan.ToString());
    Says(trainer, "Trainer: LlamaForCausalLM, 19,616 parameters");
    Says(weights, "Weights");
    Says(Optimizer.Create(), "Optimizer");
    Says(tokenizer, "Tokenizer: BPE, 259 tokens");
    Says(tokenizer.Decoder(), "Decoder");
    Says(Template.Open(folder), "Template");
    Says(Data(work, "{\"text\": \"abc\"}\n", tokenizer), "Dataset: 1 document, 3 tokens");
    Says(Data(work, "{\"text\": \"ab\"}\n{\"text\": \"cd\"}\n", tokenizer), "Dataset: 2 documents, 4 tokens");
    using (Group group = Group.FromEnvironment()) Says(group, "Group: rank 0 of 1");
    foreach (Handle handle in new Handle[] {model, plan, trainer, weights, tokenizer}) {
      handle.Dispose();
      Says(handle, handle.GetType().Name + ", closed");
    }
    Says(Batch.Of(new[] {1, 2, 3}), "Batch: 1 document, 3 ids");
    Says(Batch.Of(new[] {1, 2, 3}, new[] {4}), "Batch: 2 documents, 4 ids");
    Check(Device.Describe("cpu").ToString().StartsWith("Device: cpu, ") && Device.Describe("cpu").ToString().EndsWith(" GiB"), Device.Describe("cpu").ToString());
    using (Model again = Model.Create(Config, 1))
    using (Plan shape = Plan.Make(again, new PlanOptions {Device = "cpu", BatchSize = 2, SeqLen = 8}))
    using (Trainer trains = Trainer.Create(again, shape)) {
      StepMetrics metrics = trains.Step(Batch.Of(new[] {1, 2, 3}));
      Check(metrics.ToString().StartsWith("StepMetrics { Step = 1, Loss = " + metrics.Loss.ToString(CultureInfo.InvariantCulture) + ", GradNorm = "), metrics.ToString());
      Check(metrics.ToString().Contains("Skipped = False, SkippedUnits = 0, MeanTokenAccuracy = null, "), metrics.ToString());
      Check(trains.Evaluate(Batch.Of(new[] {1, 2, 3})).ToString().EndsWith(", Tokens = 2 }"), "an evaluation");
    }
  }

  /// <summary>A null for each argument by turns, in every public method: it is legal, or the exception names the parameter.</summary>
  private static void Nulls(string work, string folder) {
    Model model = Model.Create(Config, 1);
    Plan plan = Plan.Make(model, new PlanOptions {Device = "cpu", BatchSize = 2, SeqLen = 8});
    Tokenizer tokenizer = Tokenizer.Open(folder);
    var some = new Dictionary<Type, object>();
    foreach (object one in new object[] {model, plan, tokenizer, Trainer.Create(model, plan), Optimizer.Create(), tokenizer.Decoder(), Template.Open(folder),
                                         Data(work, "{\"text\": \"abc\"}\n", tokenizer), Group.FromEnvironment(), Batch.Of(new[] {1, 2, 3}), new OptimizerArrays(),
                                         Reference.OfSums(new double[1]), 1L, 1, 1.0, true, "x", new int[4], new long[2], new float[4], new double[4], new byte[4],
                                         new ushort[4], new int[1][] {new int[1]}}) {
      some[one.GetType()] = one;
    }
    some[typeof(Array)] = new float[4];
    some[typeof(Func<byte[], byte[][]>)] = new Func<byte[], byte[][]>(own => new[] {own});
    some[typeof(IEnumerable<int[]>)] = new[] {new int[1]};
    int named = 0;
    foreach (Type type in typeof(Model).Assembly.GetExportedTypes().Where(type => type.IsClass && !type.IsAbstract && !typeof(Exception).IsAssignableFrom(type))) {
      var calls = type.GetMethods().Where(call => call.DeclaringType.Assembly == typeof(Model).Assembly && !call.IsSpecialName && call.Name != "Equals").Cast<MethodBase>().Concat(type.GetConstructors());
      foreach (MethodBase call in calls) {
        for (int place = 0; place < call.GetParameters().Length; ++place) {
          if (!call.GetParameters()[place].ParameterType.IsValueType && (call.IsStatic || call.IsConstructor || some.ContainsKey(type))) named += CallWithNull(call, some, place);
        }
      }
    }
    Check(named > 40, "only " + named + " arguments were found to be needed");
    string missing = "";
    try {
      tokenizer.Decoder().Push(null);
    } catch (ArgumentNullException error) {
      missing = error.ParamName;
    }
    Check(missing == "ids", "Push(null) names '" + missing + "'");
  }

  /// <summary>1 where it was refused by name.</summary>
  private static int CallWithNull(MethodBase call, Dictionary<Type, object> some, int place) {
    ParameterInfo[] parameters = call.GetParameters();
    var arguments = new object[parameters.Length];
    for (int i = 0; i < arguments.Length; ++i) {
      Type kind = parameters[i].ParameterType;
      object value;
      // Of options null, which is legal.
      arguments[i] = i == place ? null : some.TryGetValue(kind, out value) ? value : kind.IsValueType ? Activator.CreateInstance(kind) : null;
    }
    string what = call.DeclaringType.Name + "." + call.Name + "(" + parameters[place].Name + ")";
    try {
      if (call.IsConstructor) {
        ((ConstructorInfo)call).Invoke(arguments);
      } else {
        call.Invoke(call.IsStatic ? null : some[call.ReflectedType], arguments);
      }
    } catch (TargetInvocationException thrown) {
      Exception error = thrown.InnerException;
      var missing = error as ArgumentNullException;
      if (missing != null) {
        Check(missing.ParamName == parameters[place].Name, what + ": " + missing.ParamName);
        return 1;
      }
      Check(error is HorizonLMException || error is ArgumentException, what + ": " + error);
    }
    return 0;
  }

  public static int Main(string[] arguments) {
    CultureInfo.CurrentCulture = new CultureInfo("de-DE");  // a comma in numbers is nobody's business
    Lines(arguments[0], arguments[1]);
    Console.WriteLine("ok  lines");
    Nulls(arguments[0], arguments[1]);
    Console.WriteLine("ok  nulls");
    return 0;
  }
}
