using System;
using System.Runtime.InteropServices;

namespace HorizonLM {
  /// <summary>An all-gather of the caller's as native code calls it: everybody's bytes are joined, and what fails is kept, since no exception crosses.</summary>
  internal sealed class Gathering {
    /// <summary>1: `all` has everybody's bytes. 0: it has failed.</summary>
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int Function(IntPtr own, long ownBytes, IntPtr all, long allBytes);

    private readonly Func<byte[], byte[][]> gather;

    internal Gathering(Func<byte[], byte[][]> gather) {
      this.gather = gather;
    }

    /// <summary>What failed, or null.</summary>
    internal Exception Failed { get; private set; }

    internal int Gather(IntPtr own, long ownBytes, IntPtr all, long allBytes) {
      try {
        var bytes = new byte[ownBytes];
        Marshal.Copy(own, bytes, 0, bytes.Length);
        byte[][] ranks = Called(bytes);
        Check(ranks, ownBytes, allBytes / ownBytes);
        for (int r = 0; r < ranks.Length; ++r) Marshal.Copy(ranks[r], 0, all + r * bytes.Length, bytes.Length);
        return 1;
      } catch (Exception error) {
        Failed = error;
        return 0;
      }
    }

    private byte[][] Called(byte[] own) {
      try {
        return gather(own);
      } catch (Exception error) {
        throw new HorizonLMException(Code.Unavailable, "allGather failed: " + error.GetType().Name + ": " + error.Message, error);
      }
    }

    private static void Check(byte[][] ranks, long bytes, long size) {
      if (ranks == null || ranks.Length != size) {
        string gave = ranks == null ? "null" : "bytes of " + Handle.Count(ranks.Length, "rank");
        throw new HorizonLMException(Code.InvalidArgument, "allGather gave " + gave + "; the group has " + size);
      }
      for (int r = 0; r < ranks.Length; ++r) {
        if (ranks[r] != null && ranks[r].Length == bytes) continue;
        string gave = ranks[r] == null ? "null" : Handle.Count(ranks[r].Length, "byte");
        throw new HorizonLMException(Code.InvalidArgument, "allGather gave " + gave + " of rank " + r + "; every rank has " + bytes);
      }
    }
  }
}
