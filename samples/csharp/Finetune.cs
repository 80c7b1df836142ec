using System;
using System.Globalization;
using HorizonLM;

/// <summary>Trains a tiny model through the C# binding, looks at a weight and saves the result: Finetune OUTPUT_FOLDER</summary>
public static class Finetune {
  private const string Config = @"{""architectures"": [""LlamaForCausalLM""], ""model_type"": ""llama"", ""hidden_act"": ""silu"", ""hidden_size"": 32,
    ""intermediate_size"": 64, ""num_hidden_layers"": 2, ""num_attention_heads"": 4, ""num_key_value_heads"": 2, ""vocab_size"": 16,
    ""max_position_embeddings"": 64, ""rms_norm_eps"": 1e-5, ""rope_theta"": 10000.0, ""tie_word_embeddings"": false, ""initializer_range"": 0.02}";

  private static void Run(string folder) {
    Batch batch = Batch.Of(new[] {1, 2, 3, 4, 5, 6, 7, 8}, new[] {9, 8, 7, 6, 5});
    using (Model model = Model.Create(Config, 1))
    using (Plan plan = Plan.Make(model, new PlanOptions {BatchSize = 2, SeqLen = 8}))
    using (Trainer trainer = Trainer.Create(model, plan, new TrainerOptions {Lr = 1e-2})) {
      for (int step = 1; step <= 30; ++step) {
        StepMetrics metrics = trainer.Step(batch);
        if (step % 5 == 0) Console.WriteLine("step {0}  loss {1:R}", step, metrics.Loss);  // all digits: no bit is lost
      }
      var norm = new float[4];  // the first weights of the last norm; read as float whatever they are stored as
      trainer.ReadTensor("model.norm.weight", norm);
      Console.WriteLine("model.norm.weight begins {0:G9} {1:G9} {2:G9} {3:G9}", norm[0], norm[1], norm[2], norm[3]);
      trainer.SaveModel(folder);
    }
  }

  public static int Main(string[] arguments) {
    if (arguments.Length != 1) {
      Console.Error.WriteLine("usage: finetune OUTPUT_FOLDER");
      return 2;
    }
    CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
    try {
      Run(arguments[0]);
      return 0;
    } catch (HorizonLMException error) {
      Console.Error.WriteLine("error: {0}: {1}", error.Code, error.Message);
      return 1;
    }
  }
}
