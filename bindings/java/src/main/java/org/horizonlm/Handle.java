package org.horizonlm;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.Locale;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;
import java.util.function.LongToIntFunction;

/** Owns a native object. The address is that of its box (bindings/swig/handles.h), which lives as long as this object. */
abstract class Handle implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();

  private final long box;
  private final LongConsumer close;
  private final LongToIntFunction closed;

  /** `free` frees the box when this object is gone, `close` closes it before; `closed` says whether that was done. */
  Handle(long box, LongConsumer close, LongToIntFunction closed, LongConsumer free) {
    this.box = box;
    this.close = close;
    this.closed = closed;
    CLEANER.register(this, () -> free.accept(box));
  }

  /** Frees the native object. It may be called more than once. FAILED_PRECONDITION while another thread is in a call of this object. */
  @Override
  public void close() {
    run(close);
  }

  /**
   * What this is, in a line; it never fails.
   *
   * @return as "Model: LlamaForCausalLM, 19,616 parameters", or "Model, closed"
   */
  @Override
  public final String toString() {
    String name = getClass().getSimpleName();
    if (get(closed::applyAsInt) != 0) {
      return name + ", closed";
    }
    try {
      String about = about();
      return about.isEmpty() ? name : name + ": " + about;
    } catch (HorizonLmException error) { // another thread uses it, or has closed it
      return name;
    }
  }

  /** What toString says of one that is open. */
  String about() {
    return "";
  }

  /** "1 document", "2,000 documents". */
  static String count(Object n, String one) {
    long number = ((Number) n).longValue();
    return String.format(Locale.ROOT, "%,d %s%s", number, one, number == 1 ? "" : "s");
  }

  /** Runs a native call during which this object is not collected. */
  final void run(LongConsumer call) {
    try {
      call.accept(box);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Runs a native call with the box of a handle, or with 0 for null. */
  static void with(Handle handle, LongConsumer call) {
    if (handle == null) {
      call.accept(0);
    } else {
      handle.run(call);
    }
  }

  final <T> T get(LongFunction<T> call) {
    try {
      return call.apply(box);
    } finally {
      Reference.reachabilityFence(this);
    }
  }
}
