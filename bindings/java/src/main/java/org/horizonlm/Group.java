package org.horizonlm;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.horizonlm.internal.Native;

/**
 * The processes of a run on several machines, one a machine. A Trainer that is made in a group shares every step with those of the other processes; its plan is made
 * with so many processes. A process that is lost makes every call of the others UNAVAILABLE, naming its rank.
 */
public final class Group extends Handle {
  private Group(long box) {
    super(box, Native::hlm_group_close, Native::hlm_group_closed, Native::hlm_group_free);
  }

  /**
   * The group that torchrun, Open MPI, Slurm or PMI describe in the environment; of one where none of them does. Waits until all have come.
   *
   * @return the group
   */
  public static Group fromEnvironment() {
    return fromEnvironment(null);
  }

  /**
   * The group that torchrun, Open MPI, Slurm or PMI describe in the environment; of one where none of them does. Waits until all have come.
   *
   * @param options may be null
   * @return the group
   * @throws HorizonLmException INVALID_ARGUMENT or FAILED_PRECONDITION naming the variable, UNAVAILABLE where the others do not come
   */
  public static Group fromEnvironment(GroupOptions options) {
    NativeLibrary.loadGroups();
    long[] out = new long[1];
    Options.with(options, struct -> Native.hlm_group_from_environment(struct, out));
    return new Group(out[0]);
  }

  /**
   * What the launcher says of this process in the environment. Waits for nobody.
   *
   * @return "rank", "size", "local_size", "launcher"; 0, 1, 1 and "" where there is none
   * @throws HorizonLmException INVALID_ARGUMENT or FAILED_PRECONDITION naming the variable
   */
  @SuppressWarnings("unchecked")
  public static Map<String, Object> describeEnvironment() {
    NativeLibrary.load();
    return (Map<String, Object>) Text.parse(Text.of(Native::hlm_group_describe_environment));
  }

  /**
   * The group whose rank 0 listens at an address. Waits until all have come.
   *
   * @param address "host:port"
   * @param rank of this process, from 0
   * @param size processes in all
   * @param options may be null
   * @return the group
   * @throws HorizonLmException UNAVAILABLE where the others do not come
   */
  public static Group connect(String address, long rank, long size, GroupOptions options) {
    NativeLibrary.loadGroups();
    byte[] text = Text.encode(address, "address");
    long[] out = new long[1];
    Options.with(options, struct -> Native.hlm_group_connect(text, rank, size, struct, out));
    return new Group(out[0]);
  }

  /**
   * The group of processes that an engine runs already (Spark, MPI, any), which find each other through it. Waits until all have come.
   *
   * @param rank of this process, from 0
   * @param size processes in all
   * @param allGather called once by every process, on this thread, before this returns; alone, not at all
   * @param options may be null
   * @return the group
   * @throws HorizonLmException UNAVAILABLE where allGather fails, with what it threw as the cause, or the others do not come; INVALID_ARGUMENT where it gives other
   *     than everybody's bytes
   */
  public static Group fromCallback(long rank, long size, AllGather allGather, GroupOptions options) {
    Arguments.given(allGather, "allGather");
    NativeLibrary.loadGroups();
    Gathering gathering = new Gathering(allGather, size);
    long[] out = new long[1];
    try {
      Options.with(options, struct -> Native.hlm_group_from_callback(rank, size, gathering, struct, out));
    } catch (HorizonLmException error) {
      throw gathering.failed() != null ? gathering.failed() : error;
    }
    return new Group(out[0]);
  }

  /**
   * What the group is, as JSON.
   *
   * @return "rank", "size", "local_size" (processes on this machine), "launcher"
   */
  public String describeJson() {
    return get(box -> Text.of(out -> Native.hlm_group_describe(box, out)));
  }

  /**
   * What the group is: describeJson, read.
   *
   * @return maps, lists, strings, Long and Double
   */
  @SuppressWarnings("unchecked")
  public Map<String, Object> describe() {
    return (Map<String, Object>) Text.parse(describeJson());
  }

  @Override
  String about() {
    Map<String, Object> is = describe();
    return "rank " + is.get("rank") + " of " + is.get("size");
  }

  /**
   * This process's number.
   *
   * @return from 0
   */
  public long rank() {
    return (Long) describe().get("rank");
  }

  /**
   * How many processes there are.
   *
   * @return at least 1
   */
  public long size() {
    return (Long) describe().get("size");
  }

  /** Waits until every process has called it. */
  public void barrier() {
    run(Native::hlm_group_barrier);
  }

  /**
   * Everybody's bytes.
   *
   * @param own as many on every rank
   * @return in the order of ranks
   * @throws HorizonLmException FAILED_PRECONDITION where a rank has another number of bytes
   */
  public List<byte[]> allGather(byte[] own) {
    Arguments.given(own, "own");
    int size = Math.toIntExact(size());
    ByteBuffer from = ByteBuffer.allocateDirect(own.length).order(ByteOrder.nativeOrder());
    ByteBuffer all = ByteBuffer.allocateDirect(Math.multiplyExact(own.length, size)).order(ByteOrder.nativeOrder());
    from.put(own).flip();
    run(box -> Native.hlm_group_all_gather(box, from, all));
    List<byte[]> of = new ArrayList<>();
    for (int r = 0; r < size; r++) {
      byte[] one = new byte[own.length];
      all.get(one);
      of.add(one);
    }
    return of;
  }
}
