package org.horizonlm;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;

/** Options: what to set in a native struct that holds the defaults. Immutable. */
abstract class Options {
  /** Each sets one member of the struct at an address. */
  static final class Setters extends ArrayList<LongConsumer> {
    private static final long serialVersionUID = 1;
  }

  private final List<LongConsumer> setters;

  Options(Setters setters) {
    this.setters = List.copyOf(setters);
  }

  abstract long create();

  abstract void delete(long struct);

  /** Runs `body` with a struct that lives for its length; with 0, which stands for the defaults, for null. */
  static void with(Options options, LongConsumer body) {
    if (options == null) {
      body.accept(0);
      return;
    }
    long struct = options.create();
    try {
      for (LongConsumer setter : options.setters) {
        setter.accept(struct);
      }
      body.accept(struct);
    } finally {
      options.delete(struct);
    }
  }
}
