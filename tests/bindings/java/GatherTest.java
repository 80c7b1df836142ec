import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.horizonlm.*;

/** Groups whose processes, here threads, find each other through a function of Java's. */
public final class GatherTest {
  private static final GroupOptions QUICK = GroupOptions.builder().severalPerMachine(true).timeoutSeconds(60).silenceSeconds(10).build();

  private static void together() throws Exception {
    CyclicBarrier barrier = new CyclicBarrier(2);
    byte[][] all = new byte[2][];
    int[] calls = new int[2];
    ExecutorService threads = Executors.newFixedThreadPool(2);
    List<Future<List<byte[]>>> results = new java.util.ArrayList<>();
    for (int r = 0; r < 2; r++) {
      int rank = r;
      results.add(threads.submit(() -> {
        AllGather gather = own -> {
          calls[rank]++;
          all[rank] = own;
          barrier.await(60, TimeUnit.SECONDS);
          return Arrays.asList(all);
        };
        try (Group group = Group.fromCallback(rank, 2, gather, QUICK)) {
          BindingTest.check(group.rank() == rank && group.size() == 2, group.describeJson());
          return group.allGather(new byte[] {(byte) rank, 7});
        }
      }));
    }
    for (Future<List<byte[]>> result : results) {
      List<byte[]> found = result.get();
      BindingTest.check(Arrays.equals(found.get(0), new byte[] {0, 7}) && Arrays.equals(found.get(1), new byte[] {1, 7}), "what was gathered");
    }
    threads.shutdown();
    BindingTest.check(Arrays.equals(calls, new int[] {1, 1}), Arrays.toString(calls));
  }

  private static HorizonLmException refused(long rank, AllGather gather) {
    try {
      Group.fromCallback(rank, 2, gather, null).close();
    } catch (HorizonLmException error) {
      return error;
    }
    throw new AssertionError("a group was made");
  }

  private static void wrong(String text, AllGather gather) {
    HorizonLmException error = refused(0, gather);
    BindingTest.check(error.code() == Code.INVALID_ARGUMENT && error.getMessage().equals(text), error + " is not " + text);
  }

  public static void main(String[] args) throws Exception {
    together();
    AllGather never = own -> {
      throw new AssertionError("called");
    };
    try (Group group = Group.fromCallback(0, 1, never, null)) {
      BindingTest.check(group.size() == 1, "alone nothing is gathered");
    }
    for (Throwable own : new Throwable[] {new IOException("no network"), new IllegalStateException("mine"), new StackOverflowError("deep")}) {
      HorizonLmException error = refused(0, given -> {
        if (own instanceof Error) {
          throw (Error) own;
        }
        throw (Exception) own;
      });
      BindingTest.check(error.code() == Code.UNAVAILABLE && error.getCause() == own, error + " has the cause " + error.getCause());
      BindingTest.check(error.getMessage().equals("allGather failed: " + own), error.getMessage());
    }
    BindingTest.check(refused(0, own -> {
      throw new InterruptedException();
    }).getCause() instanceof InterruptedException && Thread.interrupted(), "an interrupt is kept");
    wrong("allGather gave null; the group has 2", own -> null);
    wrong("allGather gave bytes of 3 ranks; the group has 2", own -> List.of(own, own, own));
    wrong("allGather gave 2,047 bytes of rank 1; every rank has 2048", own -> List.of(own, new byte[own.length - 1]));
    wrong("allGather gave null of rank 0; every rank has 2048", own -> Arrays.asList(null, own));
    BindingTest.check(refused(2, never).code() == Code.INVALID_ARGUMENT, "a rank that is none");
    try {
      Group.fromCallback(0, 2, null, null);
      throw new AssertionError("null was taken");
    } catch (NullPointerException error) {
      BindingTest.check(error.getMessage().contains("allGather"), error.getMessage());
    }
    System.out.println("ok  gathers");
  }
}
