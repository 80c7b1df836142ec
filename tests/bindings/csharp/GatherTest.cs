using System;
using System.IO;
using System.Linq;
using System.Threading;
using HorizonLM;

/// <summary>Groups whose processes, here threads, find each other through a function of C#'s.</summary>
public static class GatherTest {
  private static readonly GroupOptions Quick = new GroupOptions {SeveralPerMachine = true, TimeoutSeconds = 60, SilenceSeconds = 10};

  private static void Check(bool holds, string what) {
    if (!holds) throw new Exception("does not hold: " + what);
  }

  private static void Together() {
    var barrier = new Barrier(2);
    var all = new byte[2][];
    var calls = new int[2];
    var results = new byte[2][][];
    var failed = new Exception[2];
    Action<int> work = rank => {
      Func<byte[], byte[][]> gather = own => {
        ++calls[rank];
        all[rank] = own;
        GC.Collect();  // what the call needs stays
        Check(barrier.SignalAndWait(60000), "the other rank comes");
        return all;
      };
      try {
        using (Group group = Group.FromCallback(rank, 2, gather, Quick)) {
          Check(group.Rank == rank && group.Size == 2, group.DescribeJson());
          results[rank] = group.AllGather(new[] {(byte)rank, (byte)7});
        }
      } catch (Exception error) {
        failed[rank] = error;
      }
    };
    Thread[] threads = Enumerable.Range(0, 2).Select(rank => new Thread(() => work(rank))).ToArray();
    foreach (Thread thread in threads) thread.Start();
    foreach (Thread thread in threads) thread.Join();
    for (int rank = 0; rank < 2; ++rank) {
      Check(failed[rank] == null, "rank " + rank + ": " + failed[rank]);
      Check(results[rank][0].SequenceEqual(new byte[] {0, 7}) && results[rank][1].SequenceEqual(new byte[] {1, 7}), "what was gathered");
      Check(calls[rank] == 1, "it is called once");
    }
  }

  private static HorizonLMException Refused(long rank, Func<byte[], byte[][]> gather) {
    try {
      Group.FromCallback(rank, 2, gather).Dispose();
    } catch (HorizonLMException error) {
      return error;
    }
    throw new Exception("a group was made");
  }

  private static void Wrong(string text, Func<byte[], byte[][]> gather) {
    HorizonLMException error = Refused(0, gather);
    Check(error.Code == Code.InvalidArgument && error.Message == text, error.Message + " is " + text);
  }

  public static void Main() {
    Together();
    Func<byte[], byte[][]> never = own => { throw new Exception("called"); };
    using (Group group = Group.FromCallback(0, 1, never)) Check(group.Size == 1, "alone nothing is gathered");
    var mine = new IOException("no network");
    HorizonLMException failed = Refused(0, own => { throw mine; });
    Check(failed.Code == Code.Unavailable && failed.InnerException == mine, failed.ToString());
    Check(failed.Message == "allGather failed: IOException: no network", failed.Message);
    Wrong("allGather gave null; the group has 2", own => null);
    Wrong("allGather gave bytes of 3 ranks; the group has 2", own => new[] {own, own, own});
    Wrong("allGather gave 2,047 bytes of rank 1; every rank has 2048", own => new[] {own, new byte[own.Length - 1]});
    Wrong("allGather gave null of rank 0; every rank has 2048", own => new[] {null, own});
    Check(Refused(2, never).Code == Code.InvalidArgument, "a rank that is none");
    try {
      Group.FromCallback(0, 2, null);
      throw new Exception("null was taken");
    } catch (ArgumentNullException error) {
      Check(error.ParamName == "allGather", error.Message);
    }
    Console.WriteLine("ok  gathers");
  }
}
