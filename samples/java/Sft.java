import java.nio.file.Path;
import java.util.Optional;
import org.horizonlm.Dataset;
import org.horizonlm.Documents;
import org.horizonlm.HorizonLmException;
import org.horizonlm.Model;
import org.horizonlm.Plan;
import org.horizonlm.PlanOptions;
import org.horizonlm.StepMetrics;
import org.horizonlm.Trainer;
import org.horizonlm.TrainerOptions;

/**
 * Supervised fine-tuning on a file of examples: Sft MODEL_FOLDER EXAMPLES.jsonl OUTPUT_FOLDER
 *
 * <p>The model's folder holds its weights, its tokenizer and its chat template; examples are conversations, prompts with completions, or texts.
 */
public final class Sft {
  private static final int ROWS = 2;
  private static final int SEQ_LEN = 128;

  private static void run(Path folder, Path examples, Path output) {
    // Paths without quotation marks: they go into JSON as they are.
    String config = "{\"data\": \"" + examples + "\", \"model\": \"" + folder + "\", \"seq_len\": " + SEQ_LEN + ", \"epochs\": 20}";
    try (Dataset data = Dataset.open(config);
        Model model = Model.open(folder);
        Plan plan = Plan.make(model, PlanOptions.builder().batchSize(ROWS).seqLen(SEQ_LEN).build());
        Trainer trainer = Trainer.create(model, plan, TrainerOptions.builder().lr(3e-3).build())) {
      for (Optional<Documents> step = data.next(ROWS); step.isPresent(); step = data.next(ROWS)) {
        StepMetrics metrics = trainer.step(step.get().batch());
        System.out.println("step " + metrics.step() + "  epoch " + step.get().epoch() + "  loss " + metrics.loss());
      }
      trainer.saveModel(output);
    }
  }

  public static void main(String[] args) {
    if (args.length != 3) {
      System.err.println("usage: sft MODEL_FOLDER EXAMPLES.jsonl OUTPUT_FOLDER");
      System.exit(2);
    }
    try {
      run(Path.of(args[0]), Path.of(args[1]), Path.of(args[2]));
    } catch (HorizonLmException error) {
      System.err.println("error: " + error.code() + ": " + error.getMessage());
      System.exit(1);
    }
  }
}
