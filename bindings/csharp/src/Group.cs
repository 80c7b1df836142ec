using System;
using System.Collections.Generic;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>The processes of a run on several machines, one a machine. A Trainer that is made in a group shares every step with those of the other processes;
  /// its plan is made with so many Processes. A process that is lost makes every call of the others Unavailable, naming its rank.</summary>
  public sealed class Group : Handle {
    private Group(IntPtr box) : base(box, Native.hlm_group_close, Native.hlm_group_closed, Native.hlm_group_release) {}

    /// <summary>The group that torchrun, Open MPI, Slurm or PMI describe in the environment; of one where none of them does. Waits until all have come.</summary>
    public static Group FromEnvironment(GroupOptions options = null) {
      Library.Load();
      IntPtr box = IntPtr.Zero;
      Options.With(options, own => Native.hlm_group_from_environment(own, out box));
      return new Group(box);
    }

    /// <summary>What the launcher says of this process in the environment: "rank", "size", "local_size", "launcher"; 0, 1, 1 and "" where there is none. Waits for
    /// nobody.</summary>
    public static IReadOnlyDictionary<string, object> DescribeEnvironment() {
      Library.Load();
      IntPtr text;
      Native.hlm_group_describe_environment(out text);
      return Json.Object(Text.Take(text));
    }

    /// <summary>The group of `size` processes whose rank 0 listens at `address`, "host:port". Waits until all have come.</summary>
    public static Group Connect(string address, long rank, long size, GroupOptions options = null) {
      Library.Load();
      IntPtr box = IntPtr.Zero;
      byte[] text = Text.Encode(address, nameof(address));
      Options.With(options, own => Native.hlm_group_connect(text, rank, size, own, out box));
      return new Group(box);
    }

    /// <summary>The group of `size` processes that an engine runs already, which find each other through it: `allGather` takes this process's bytes and gives
    /// everybody's, in the order of ranks. Every process calls it once, on this thread, before this returns (alone, not at all). Unavailable where it throws, with
    /// its exception as the inner one. Waits until all have come.</summary>
    public static Group FromCallback(long rank, long size, Func<byte[], byte[][]> allGather, GroupOptions options = null) {
      Arguments.Given(allGather, nameof(allGather));
      Library.Load();
      IntPtr box = IntPtr.Zero;
      var gathering = new Gathering(allGather);
      try {
        Options.With(options, own => Native.hlm_group_from_callback(rank, size, gathering.Gather, own, out box));
      } catch (HorizonLMException) {
        if (gathering.Failed == null) throw;
      }
      if (gathering.Failed != null) throw gathering.Failed;
      return new Group(box);
    }

    /// <summary>What the group is, as JSON.</summary>
    public string DescribeJson() {
      IntPtr text;
      Native.hlm_group_describe(Box, out text);
      return Text.Take(text);
    }

    /// <summary>What the group is: "rank", "size", "local_size" (processes on this machine), "launcher".</summary>
    public IReadOnlyDictionary<string, object> Describe() {
      return Json.Object(DescribeJson());
    }

    internal override string About() {
      var about = Describe();
      return "rank " + about["rank"] + " of " + about["size"];
    }

    /// <summary>This process's number, from 0.</summary>
    public long Rank {
      get { return (long)Describe()["rank"]; }
    }

    /// <summary>How many processes there are.</summary>
    public long Size {
      get { return (long)Describe()["size"]; }
    }

    /// <summary>Waits until every process has called it.</summary>
    public void Barrier() {
      Native.hlm_group_barrier(Box);
    }

    /// <summary>Everybody's bytes, in the order of ranks; every process gives as many.</summary>
    public byte[][] AllGather(byte[] own) {
      Arguments.Given(own, nameof(own));
      var all = new byte[own.LongLength * Size];
      using (var from = new Pinned(own, 1))
      using (var to = new Pinned(all, 1)) {
        Native.hlm_group_all_gather(Box, from, to);
      }
      var of = new byte[Size][];
      for (long r = 0; r < of.LongLength; ++r) {
        of[r] = new byte[own.LongLength];
        Array.Copy(all, r * own.LongLength, of[r], 0, own.LongLength);
      }
      return of;
    }
  }
}
