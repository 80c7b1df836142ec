package org.horizonlm;

import java.util.List;

/** What an engine of the caller's does for Group.fromCallback: it gives every process everybody's bytes. */
@FunctionalInterface
public interface AllGather {
  /**
   * Called once by every process of the group, on the thread that makes it.
   *
   * @param own this process's bytes; as many on every process
   * @return everybody's bytes, in the order of ranks
   * @throws Exception becomes the cause of what fromCallback throws
   */
  List<byte[]> gather(byte[] own) throws Exception;
}
