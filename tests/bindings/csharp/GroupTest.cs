using System;
using System.Linq;
using HorizonLM;

/// <summary>One of the two processes of a group: the steps that they share are those of one process.</summary>
public static class GroupTest {
  private const string Config = @"{""architectures"": [""LlamaForCausalLM""], ""model_type"": ""llama"", ""hidden_act"": ""silu"", ""hidden_size"": 32,
    ""intermediate_size"": 64, ""num_hidden_layers"": 2, ""num_attention_heads"": 4, ""num_key_value_heads"": 2, ""vocab_size"": 16,
    ""max_position_embeddings"": 64, ""rms_norm_eps"": 1e-5, ""rope_theta"": 10000.0, ""tie_word_embeddings"": false, ""initializer_range"": 0.02}";

  private static readonly int[][] Documents = {new[] {1, 2, 3, 4, 5, 6, 7, 8}, new[] {9, 8, 7, 6, 5}};

  private static double[] Losses(Group group) {
    var options = new PlanOptions {Device = "cpu", BatchSize = 2, SeqLen = 8, Threads = 1, ReductionGroups = 2, Processes = group == null ? 1 : group.Size};
    var adamw = new TrainerOptions {Lr = 1e-2};
    using (Model model = Model.Create(Config, 1))
    using (Plan plan = Plan.Make(model, options))
    using (Trainer trainer = group == null ? Trainer.Create(model, plan, adamw) : Trainer.Create(model, plan, adamw, group)) {
      Batch batch = group == null ? Batch.Of(Documents) : Batch.Of(Documents[group.Rank]);
      return Enumerable.Range(0, 3).Select(step => trainer.Step(batch).Loss).ToArray();
    }
  }

  private static void Check(bool holds, string what) {
    if (!holds) throw new Exception("does not hold: " + what);
  }

  public static void Main() {
    double[] alone = Losses(null);
    using (Group group = Group.FromEnvironment(new GroupOptions {SeveralPerMachine = true, TimeoutSeconds = 120})) {
      Check(group.Size == 2 && (string)group.Describe()["launcher"] == "torchrun", group.DescribeJson());
      Check((long)Group.DescribeEnvironment()["rank"] == group.Rank, "the launcher's rank");
      byte[][] all = group.AllGather(new[] {(byte)group.Rank, (byte)7});
      Check(all[0].SequenceEqual(new byte[] {0, 7}) && all[1].SequenceEqual(new byte[] {1, 7}), "what was gathered");
      double[] shared = Losses(group);
      Check(alone.SequenceEqual(shared), "the losses alone are those in a group");
      group.Barrier();
      Console.WriteLine("ok  group of " + group.Size + " " + string.Join(" ", shared.Select(loss => loss.ToString("R"))));
    }
  }
}
