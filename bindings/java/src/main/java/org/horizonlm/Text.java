package org.horizonlm;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.horizonlm.internal.Json;

/** Texts on their way to the library and back. */
final class Text {
  private Text() {}

  /** UTF-8. What a C string cannot hold is an IllegalArgumentException. */
  static byte[] encode(String text, String name) {
    if (Arguments.given(text, name).indexOf('\0') >= 0) {
      throw new IllegalArgumentException(name + " holds a character 0");
    }
    return utf8(text, name);
  }

  /** The same of a path. */
  static byte[] encode(Path path, String name) {
    return encode(Arguments.given(path, name).toString(), name);
  }

  /** UTF-8, of any characters. Half a surrogate pair, which has none, is an IllegalArgumentException. */
  static byte[] utf8(String text, String name) {
    byte[] bytes = Arguments.given(text, name).getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < text.length(); ++i) { // what getBytes makes a '?' of
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        if (!Character.isHighSurrogate(c) || i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1))) {
          throw new IllegalArgumentException(name + " holds half a surrogate pair at character " + i);
        }
        ++i;
      }
    }
    return bytes;
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
