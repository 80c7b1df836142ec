package org.horizonlm;

/** What callers must not leave out. */
final class Arguments {
  private Arguments() {}

  /** The value; a NullPointerException that names it where it is null. */
  static <T> T given(T value, String name) {
    if (value == null) {
      throw new NullPointerException(name + " is null");
    }
    return value;
  }
}
