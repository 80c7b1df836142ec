package org.horizonlm;

import java.util.List;
import java.util.function.UnaryOperator;

/** An AllGather as native code calls it: everybody's bytes are joined, and what fails is kept, since no exception crosses. */
final class Gathering implements UnaryOperator<byte[]> {
  private final AllGather gather;
  private final long size;
  private HorizonLmException failed;

  Gathering(AllGather gather, long size) {
    this.gather = gather;
    this.size = size;
  }

  /** What failed; null where nothing did. */
  HorizonLmException failed() {
    return failed;
  }

  /** Null where it failed. */
  @Override
  public byte[] apply(byte[] own) {
    try {
      return joined(called(own), own.length);
    } catch (HorizonLmException error) {
      failed = error;
      return null;
    }
  }

  private List<byte[]> called(byte[] own) {
    try {
      return gather.gather(own);
    } catch (Throwable error) {
      if (error instanceof InterruptedException) {
        Thread.currentThread().interrupt();
      }
      throw new HorizonLmException(Code.UNAVAILABLE, "allGather failed: " + error, error);
    }
  }

  private byte[] joined(List<byte[]> ranks, int n) {
    if (ranks == null || ranks.size() != size) {
      String gave = ranks == null ? "null" : "bytes of " + Handle.count(ranks.size(), "rank");
      throw new HorizonLmException(Code.INVALID_ARGUMENT, "allGather gave " + gave + "; the group has " + size);
    }
    byte[] all = new byte[Math.multiplyExact(n, (int) size)];
    int rank = 0;
    for (byte[] one : ranks) {
      if (one == null || one.length != n) {
        String gave = one == null ? "null" : Handle.count(one.length, "byte");
        throw new HorizonLmException(Code.INVALID_ARGUMENT, "allGather gave " + gave + " of rank " + rank + "; every rank has " + n);
      }
      System.arraycopy(one, 0, all, n * rank++, n);
    }
    return all;
  }
}
