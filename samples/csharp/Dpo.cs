using System;
using System.Globalization;
using HorizonLM;

/// <summary>Preference tuning on pairs, with the weights at the beginning as the reference: Dpo MODEL_FOLDER PAIRS.jsonl OUTPUT_FOLDER</summary>
public static class Dpo {
  private const int Rows = 4;
  private const int SeqLen = 128;
  private const int Steps = 12;

  private static void Run(string folder, string pairs, string output) {
    // Paths without quotation marks: they go into JSON as they are.
    string config = $"{{\"data\": \"{pairs}\", \"model\": \"{folder}\", \"task\": \"dpo\", \"seq_len\": {SeqLen}}}";
    using (Dataset data = Dataset.Open(config))
    using (Model model = Model.Open(folder))
    using (Plan plan = Plan.Make(model, new PlanOptions {BatchSize = Rows, SeqLen = SeqLen, FrozenCopies = 1}))
    using (Trainer trainer = Trainer.Create(model, plan, new TrainerOptions {Lr = 1e-3}))
    using (Weights reference = trainer.KeepWeights()) {
      for (int step = 1; step <= Steps; ++step) {
        Batch batch = data.Next(Rows).Batch;  // documents 2i are preferred to documents 2i + 1
        float[] logprobs = trainer.Logprobs(batch, reference);
        PreferenceMetrics metrics = trainer.AccumulatePreference(batch, Reference.OfLogprobs(logprobs));
        trainer.Apply();
        Console.WriteLine("step {0}  loss {1:R}  accuracy {2:R}  margin {3:R}", step, metrics.Loss, metrics.Accuracy, metrics.Margin);
      }
      trainer.SaveModel(output);
    }
  }

  public static int Main(string[] arguments) {
    if (arguments.Length != 3) {
      Console.Error.WriteLine("usage: dpo MODEL_FOLDER PAIRS.jsonl OUTPUT_FOLDER");
      return 2;
    }
    CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
    try {
      Run(arguments[0], arguments[1], arguments[2]);
      return 0;
    } catch (HorizonLMException error) {
      Console.Error.WriteLine("error: {0}: {1}", error.Code, error.Message);
      return 1;
    }
  }
}
