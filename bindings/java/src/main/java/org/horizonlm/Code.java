package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** What kind of error it is. */
public enum Code {
  /** The call was cancelled. */
  CANCELLED(NativeConstants.HLM_CANCELLED),
  /** An argument, or what a file says, is not legal. */
  INVALID_ARGUMENT(NativeConstants.HLM_INVALID_ARGUMENT),
  /** The call ran for longer than the deadline allows. */
  DEADLINE_EXCEEDED(NativeConstants.HLM_DEADLINE_EXCEEDED),
  /** A file, a tensor, a key or a device is not there. */
  NOT_FOUND(NativeConstants.HLM_NOT_FOUND),
  /** The folder to be written exists and is not empty. */
  ALREADY_EXISTS(NativeConstants.HLM_ALREADY_EXISTS),
  /** The memory does not suffice; the message says what to change. */
  RESOURCE_EXHAUSTED(NativeConstants.HLM_RESOURCE_EXHAUSTED),
  /** The call is not legal now: a closed object, two threads in one object. */
  FAILED_PRECONDITION(NativeConstants.HLM_FAILED_PRECONDITION),
  /** A place is past the end. */
  OUT_OF_RANGE(NativeConstants.HLM_OUT_OF_RANGE),
  /** The library does not do this (yet). */
  UNIMPLEMENTED(NativeConstants.HLM_UNIMPLEMENTED),
  /** A fault of the library's own. */
  INTERNAL(NativeConstants.HLM_INTERNAL),
  /** A device or a library cannot be used here. */
  UNAVAILABLE(NativeConstants.HLM_UNAVAILABLE),
  /** A file is damaged. */
  DATA_LOSS(NativeConstants.HLM_DATA_LOSS);

  private final int number;

  Code(int number) {
    this.number = number;
  }

  /**
   * The number of the C interface.
   *
   * @return HLM_...
   */
  public int number() {
    return number;
  }

  static Code of(int number) {
    for (Code code : values()) {
      if (code.number == number) {
        return code;
      }
    }
    return INTERNAL; // of a newer library
  }
}
