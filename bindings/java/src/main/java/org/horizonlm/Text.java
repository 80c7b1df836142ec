package org.horizonlm;

import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.horizonlm.internal.Json;

/** Texts on their way to the library and back. */
final class Text {
  private Text() {}

  /** UTF-8. What a C string cannot hold is an IllegalArgumentException. */
  static byte[] encode(String text, String name) {
    Objects.requireNonNull(text, name);
    if (text.indexOf('\0') >= 0) {
      throw new IllegalArgumentException(name + " holds a character 0");
    }
    return text.getBytes(StandardCharsets.UTF_8);
  }

  interface Call {
    void into(byte[][] out);
  }

  /** The text that a call gives. */
  static String of(Call call) {
    byte[][] out = new byte[1][];
    call.into(out);
    return decode(out[0]);
  }

  static String decode(byte[] text) {
    return new String(text, StandardCharsets.UTF_8);
  }

  static Object parse(String json) {
    try {
      return Json.parse(json);
    } catch (IllegalArgumentException error) {
      throw new HorizonLmException(Code.INTERNAL, "the library's JSON cannot be read: " + error.getMessage());
    }
  }
}
