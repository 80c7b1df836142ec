package org.horizonlm;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;

/** Owns a native object. The address is that of its box (bindings/swig/handles.h), which lives as long as this object. */
abstract class Handle implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();

  private final long box;
  private final LongConsumer close;

  /** `free` frees the box when this object is gone, `close` closes it before. */
  Handle(long box, LongConsumer close, LongConsumer free) {
    this.box = box;
    this.close = close;
    CLEANER.register(this, () -> free.accept(box));
  }

  /** Frees the native object. It may be called more than once. FAILED_PRECONDITION while another thread is in a call of this object. */
  @Override
  public void close() {
    run(close);
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
