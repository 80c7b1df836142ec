import java.util.Arrays;
import java.util.Locale;
import org.horizonlm.Batch;
import org.horizonlm.StepMetrics;
import org.horizonlm.Trainer;

/** As overhead.c: Overhead STEPS */
public final class Overhead {
  public static void main(String[] args) {
    int steps = Integer.parseInt(args[0]);
    double[] whole = new double[steps];
    double[] beside = new double[steps];
    Batch batch = BindingTest.batch();
    try (Trainer trainer = BindingTest.trainer()) {
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
