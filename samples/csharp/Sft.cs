using System;
using System.Globalization;
using HorizonLM;

/// <summary>Supervised fine-tuning on a file of examples: Sft MODEL_FOLDER EXAMPLES.jsonl OUTPUT_FOLDER
///
/// The model's folder holds its weights, its tokenizer and its chat template; examples are conversations, prompts with completions, or texts.</summary>
public static class Sft {
  private const int Rows = 2;
  private const int SeqLen = 128;

  private static void Run(string folder, string examples, string output) {
    // Paths without quotation marks: they go into JSON as they are.
    string config = $"{{\"data\": \"{examples}\", \"model\": \"{folder}\", \"seq_len\": {SeqLen}, \"epochs\": 20}}";
    using (Dataset data = Dataset.Open(config))
    using (Model model = Model.Open(folder))
    using (Plan plan = Plan.Make(model, new PlanOptions {BatchSize = Rows, SeqLen = SeqLen}))
    using (Trainer trainer = Trainer.Create(model, plan, new TrainerOptions {Lr = 3e-3})) {
      foreach (Documents step in data.Steps(Rows)) {
        StepMetrics metrics = trainer.Step(step.Batch);
        Console.WriteLine("step {0}  epoch {1}  loss {2:R}", metrics.Step, step.Epoch, metrics.Loss);
      }
      trainer.SaveModel(output);
    }
  }

  public static int Main(string[] arguments) {
    if (arguments.Length != 3) {
      Console.Error.WriteLine("usage: sft MODEL_FOLDER EXAMPLES.jsonl OUTPUT_FOLDER");
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
