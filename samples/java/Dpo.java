import java.nio.FloatBuffer;
import java.nio.file.Path;
import org.horizonlm.Batch;
import org.horizonlm.Buffers;
import org.horizonlm.Dataset;
import org.horizonlm.HorizonLmException;
import org.horizonlm.Model;
import org.horizonlm.Plan;
import org.horizonlm.PlanOptions;
import org.horizonlm.PreferenceMetrics;
import org.horizonlm.Reference;
import org.horizonlm.Trainer;
import org.horizonlm.TrainerOptions;
import org.horizonlm.Weights;

/**
 * Direct preference optimization on pairs of answers: Dpo MODEL_FOLDER PAIRS.jsonl OUTPUT_FOLDER
 *
 * <p>The reference is the model as it was: its weights are kept, and copied only where they change. The first loss is ln 2.
 */
public final class Dpo {
  private static final int ROWS = 4;
  private static final int SEQ_LEN = 128;
  private static final int STEPS = 12;

  private static void run(Path folder, Path pairs, Path output) {
    // Paths without quotation marks: they go into JSON as they are.
    String config = "{\"data\": \"" + pairs + "\", \"model\": \"" + folder + "\", \"task\": \"dpo\", \"seq_len\": " + SEQ_LEN + "}";
    try (Dataset data = Dataset.open(config);
        Model model = Model.open(folder);
        Plan plan = Plan.make(model, PlanOptions.builder().batchSize(ROWS).seqLen(SEQ_LEN).frozenCopies(1).build());
        Trainer trainer = Trainer.create(model, plan, TrainerOptions.builder().lr(1e-3).build());
        Weights reference = trainer.keepWeights()) {
      FloatBuffer logprobs = Buffers.floats(ROWS * SEQ_LEN);
      for (int step = 1; step <= STEPS; ++step) {
        Batch batch = data.next(ROWS).orElseThrow().batch(); // documents 2i are preferred to documents 2i + 1
        logprobs.clear().limit(batch.ids().remaining());
        trainer.logprobs(batch, reference, logprobs, null, null);
        PreferenceMetrics metrics = trainer.accumulatePreference(batch, Reference.ofLogprobs(logprobs), null);
        trainer.apply();
        System.out.println("step " + step + "  loss " + metrics.loss() + "  accuracy " + metrics.accuracy() + "  margin " + metrics.margin());
      }
      trainer.saveModel(output);
    }
  }

  public static void main(String[] args) {
    if (args.length != 3) {
      System.err.println("usage: dpo MODEL_FOLDER PAIRS.jsonl OUTPUT_FOLDER");
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
