import java.nio.FloatBuffer;
import java.nio.file.Path;
import org.horizonlm.Batch;
import org.horizonlm.Buffers;
import org.horizonlm.HorizonLmException;
import org.horizonlm.Model;
import org.horizonlm.Plan;
import org.horizonlm.PlanOptions;
import org.horizonlm.StepMetrics;
import org.horizonlm.TensorKind;
import org.horizonlm.Trainer;
import org.horizonlm.TrainerOptions;

/** Trains a tiny model through the Java binding, looks at a weight and saves the result: Finetune OUTPUT_FOLDER */
public final class Finetune {
  private static final String CONFIG =
      """
      {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 32,
       "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
       "vocab_size": 16, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
       "tie_word_embeddings": false, "initializer_range": 0.02}""";

  private static void run(Path folder) {
    Batch batch = Batch.ofDocuments(new int[] {1, 2, 3, 4, 5, 6, 7, 8}, new int[] {9, 8, 7, 6, 5});
    try (Model model = Model.create(CONFIG, 1);
        Plan plan = Plan.make(model, PlanOptions.builder().batchSize(2).seqLen(8).build());
        Trainer trainer = Trainer.create(model, plan, TrainerOptions.builder().lr(1e-2).build())) {
      for (int step = 1; step <= 30; ++step) {
        StepMetrics metrics = trainer.step(batch);
        if (step % 5 == 0) {
          System.out.println("step " + step + "  loss " + metrics.loss()); // all digits: no bit is lost
        }
      }
      FloatBuffer norm = Buffers.floats(4); // the first weights of the last norm; read as float whatever they are stored as
      trainer.readTensor("model.norm.weight", TensorKind.WEIGHT, 0, norm);
      System.out.printf("model.norm.weight begins %.9g %.9g %.9g %.9g%n", norm.get(0), norm.get(1), norm.get(2), norm.get(3));
      trainer.saveModel(folder);
    }
  }

  public static void main(String[] args) {
    if (args.length != 1) {
      System.err.println("usage: finetune OUTPUT_FOLDER");
      System.exit(2);
    }
    try {
      run(Path.of(args[0]));
    } catch (HorizonLmException error) {
      System.err.println("error: " + error.code() + ": " + error.getMessage());
      System.exit(1);
    }
  }
}
