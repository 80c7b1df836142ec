import java.util.Arrays;
import java.util.Locale;
import org.horizonlm.Batch;
import org.horizonlm.Model;
import org.horizonlm.Plan;
import org.horizonlm.PlanOptions;
import org.horizonlm.StepMetrics;
import org.horizonlm.Trainer;

/** As overhead.c: Overhead STEPS */
public final class Overhead {
  public static void main(String[] args) {
    int steps = Integer.parseInt(args[0]);
    double[] whole = new double[steps];
    double[] beside = new double[steps];
    int[][] rows = new int[8][128];
    for (int i = 0; i < 8 * 128; ++i) {
      rows[i / 128][i % 128] = i % 251;
    }
    Batch batch = Batch.ofDocuments(rows);
    String config =
        BindingTest.CONFIG
            .replace("\"hidden_size\": 32", "\"hidden_size\": 64")
            .replace("\"intermediate_size\": 64", "\"intermediate_size\": 192")
            .replace("\"vocab_size\": 16", "\"vocab_size\": 256")
            .replace("\"max_position_embeddings\": 64", "\"max_position_embeddings\": 128");
    try (Model model = Model.create(config, 1);
        Plan plan = Plan.make(model, PlanOptions.builder().device("cpu").batchSize(8).seqLen(128).build());
        Trainer trainer = Trainer.create(model, plan)) {
      for (int i = 0; i < steps; ++i) {
        long begin = System.nanoTime();
        StepMetrics metrics = trainer.step(batch);
        whole[i] = (System.nanoTime() - begin) * 1e-9;
        beside[i] = whole[i] - metrics.seconds();
      }
    }
    Arrays.sort(whole);
    Arrays.sort(beside);
    System.out.println(String.format(Locale.ROOT, "%.9f %.9f", whole[steps / 2], beside[steps / 2]));
  }
}
