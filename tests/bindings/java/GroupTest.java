import java.util.Arrays;
import java.util.List;
import org.horizonlm.*;

/** One of the two processes of a group: the steps that they share are those of one process. */
public final class GroupTest {
  private static final int[][] DOCUMENTS = {{1, 2, 3, 4, 5, 6, 7, 8}, {9, 8, 7, 6, 5}};

  private static double[] losses(Group group) {
    double[] losses = new double[3];
    PlanOptions.Builder options = PlanOptions.builder().device("cpu").batchSize(2).seqLen(8).threads(1).reductionGroups(2);
    if (group != null) {
      options.processes(group.size());
    }
    TrainerOptions adamw = TrainerOptions.builder().lr(1e-2).build();
    try (Model model = Model.create(BindingTest.CONFIG, 1);
        Plan plan = Plan.make(model, options.build());
        Trainer trainer = group == null ? Trainer.create(model, plan, adamw) : Trainer.create(model, plan, adamw, group)) {
      Batch batch = group == null ? Batch.ofDocuments(DOCUMENTS) : Batch.ofDocuments(DOCUMENTS[(int) group.rank()]);
      for (int step = 0; step < losses.length; step++) {
        losses[step] = trainer.step(batch).loss();
      }
    }
    return losses;
  }

  public static void main(String[] args) {
    double[] alone = losses(null);
    GroupOptions options = GroupOptions.builder().severalPerMachine(true).timeoutSeconds(120).build();
    try (Group group = Group.fromEnvironment(options)) {
      BindingTest.check(group.size() == 2 && group.describe().get("launcher").equals("torchrun"), group.describeJson());
      BindingTest.check(Group.describeEnvironment().get("rank").equals(group.rank()), Group.describeEnvironment().toString());
      List<byte[]> all = group.allGather(new byte[] {(byte) group.rank(), 7});
      BindingTest.check(Arrays.equals(all.get(0), new byte[] {0, 7}) && Arrays.equals(all.get(1), new byte[] {1, 7}), "what was gathered");
      double[] shared = losses(group);
      BindingTest.check(Arrays.equals(alone, shared), Arrays.toString(alone) + " alone and " + Arrays.toString(shared) + " in a group");
      group.barrier();
      System.out.println("ok  group of " + group.size() + " " + Arrays.toString(shared));
    }
  }
}
