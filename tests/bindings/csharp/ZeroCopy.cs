using System;
using System.Runtime.InteropServices;
using HorizonLM;

/// <summary>Prints the addresses of arrays as it passes them; run with spy.c preloaded, whose notes must be the same lines.</summary>
public static class ZeroCopy {
  private const string Config = @"{""architectures"": [""LlamaForCausalLM""], ""model_type"": ""llama"", ""hidden_act"": ""silu"", ""hidden_size"": 32,
    ""intermediate_size"": 64, ""num_hidden_layers"": 1, ""num_attention_heads"": 4, ""num_key_value_heads"": 2, ""vocab_size"": 16,
    ""max_position_embeddings"": 64, ""rms_norm_eps"": 1e-5, ""rope_theta"": 10000.0, ""tie_word_embeddings"": false, ""initializer_range"": 0.02}";

  private static string Address(GCHandle pinned) {
    return "0x" + pinned.AddrOfPinnedObject().ToInt64().ToString("x");
  }

  public static void Main() {
    using (Model model = Model.Create(Config, 1))
    using (Plan plan = Plan.Make(model, new PlanOptions {Device = "cpu", BatchSize = 2, SeqLen = 8}))
    using (Trainer trainer = Trainer.Create(model, plan)) {
      // Held in their places here only so that their addresses can be told.
      int[] ids = {1, 2, 3, 4, 5};
      float[] weights = {1, 1, 1, 1, 1}, data = new float[24];
      GCHandle idsPlace = GCHandle.Alloc(ids, GCHandleType.Pinned), weightsPlace = GCHandle.Alloc(weights, GCHandleType.Pinned);
      GCHandle dataPlace = GCHandle.Alloc(data, GCHandleType.Pinned);
      trainer.Evaluate(new Batch(ids) {Weights = weights});
      Console.WriteLine("evaluate " + Address(idsPlace) + " 5 " + Address(weightsPlace) + " 5");
      trainer.Evaluate(new Batch(ids));
      Console.WriteLine("evaluate " + Address(idsPlace) + " 5 (nil) 0");
      trainer.ReadTensor("model.norm.weight", data);
      Console.WriteLine("read " + Address(dataPlace) + " 96 (nil) 0");
      idsPlace.Free();
      weightsPlace.Free();
      dataPlace.Free();
    }
  }
}
