package org.horizonlm;

import java.nio.charset.StandardCharsets;

/** An error of the library. Its message is one line that names the value and the limit. */
public final class HorizonLmException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** What kind of error it is. */
  private final Code code;

  // Called by the native code.
  HorizonLmException(int code, byte[] message) {
    this(Code.of(code), new String(message, StandardCharsets.UTF_8));
  }

  /**
   * An error of a kind with a message.
   *
   * @param code the kind
   * @param message one line
   */
  public HorizonLmException(Code code, String message) {
    super(message);
    this.code = code;
  }

  HorizonLmException(Code code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /**
   * What kind of error it is.
   *
   * @return the kind
   */
  public Code code() {
    return code;
  }

  /**
   * What a log shows: the class, the code and the message.
   *
   * @return as "org.horizonlm.HorizonLmException: NOT_FOUND: /nowhere: no such folder"
   */
  @Override
  public String toString() {
    return getClass().getName() + ": " + code + ": " + getMessage();
  }

  /**
   * What kind of error it is.
   *
   * @return the kind
   */
  public Code getCode() {
    return code;
  }
}
