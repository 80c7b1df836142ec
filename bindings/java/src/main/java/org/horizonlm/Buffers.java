package org.horizonlm;

import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;

/** Makes direct buffers in native byte order, the only kind that the library takes. */
public final class Buffers {
  private Buffers() {}

  private static ByteBuffer allocate(long bytes) {
    if (bytes > Integer.MAX_VALUE) {
      throw new IllegalArgumentException("a buffer of " + bytes + " bytes; java.nio holds " + Integer.MAX_VALUE + " at most: use several, by offset");
    }
    return ByteBuffer.allocateDirect((int) bytes).order(ByteOrder.nativeOrder());
  }

  /**
   * A buffer of int, zeroed: token ids, labels.
   *
   * @param n elements
   * @return the buffer
   */
  public static IntBuffer ints(int n) {
    return allocate(4L * n).asIntBuffer();
  }

  /**
   * A buffer with the values, ready to be read.
   *
   * @param values what it holds
   * @return the buffer
   */
  public static IntBuffer ints(int[] values) {
    return ints(Arguments.given(values, "values").length).put(values).flip();
  }

  /**
   * A buffer of long, zeroed: offsets, places.
   *
   * @param n elements
   * @return the buffer
   */
  public static LongBuffer longs(int n) {
    return allocate(8L * n).asLongBuffer();
  }

  /**
   * A buffer with the values, ready to be read.
   *
   * @param values what it holds
   * @return the buffer
   */
  public static LongBuffer longs(long[] values) {
    return longs(Arguments.given(values, "values").length).put(values).flip();
  }

  /**
   * A buffer of float, zeroed: tensors, logits, weights of tokens.
   *
   * @param n elements
   * @return the buffer
   */
  public static FloatBuffer floats(int n) {
    return allocate(4L * n).asFloatBuffer();
  }

  /**
   * A buffer with the values, ready to be read.
   *
   * @param values what it holds
   * @return the buffer
   */
  public static FloatBuffer floats(float[] values) {
    return floats(Arguments.given(values, "values").length).put(values).flip();
  }

  /**
   * A buffer of short, zeroed: the bits of bf16, remainders.
   *
   * @param n elements
   * @return the buffer
   */
  public static ShortBuffer shorts(int n) {
    return allocate(2L * n).asShortBuffer();
  }

  /**
   * A buffer of double, zeroed: sums over documents.
   *
   * @param n elements
   * @return the buffer
   */
  public static DoubleBuffer doubles(int n) {
    return allocate(8L * n).asDoubleBuffer();
  }

  /**
   * A buffer with the values, ready to be read.
   *
   * @param values what it holds
   * @return the buffer
   */
  public static DoubleBuffer doubles(double[] values) {
    return doubles(Arguments.given(values, "values").length).put(values).flip();
  }

  /**
   * A buffer of bytes, zeroed: packed moments.
   *
   * @param n elements
   * @return the buffer
   */
  public static ByteBuffer bytes(int n) {
    return allocate(n);
  }

  // What the library is handed: from position to limit. Null for an absent buffer. IllegalArgumentException for one that cannot be handed over.
  static IntBuffer in(IntBuffer buffer, String name) {
    return buffer == null ? null : check(buffer, buffer.order(), name, false).slice();
  }

  static LongBuffer in(LongBuffer buffer, String name) {
    return buffer == null ? null : check(buffer, buffer.order(), name, false).slice();
  }

  static FloatBuffer in(FloatBuffer buffer, String name) {
    return buffer == null ? null : check(buffer, buffer.order(), name, false).slice();
  }

  static ShortBuffer in(ShortBuffer buffer, String name) {
    return buffer == null ? null : check(buffer, buffer.order(), name, false).slice();
  }

  static FloatBuffer out(FloatBuffer buffer, String name) {
    return buffer == null ? null : check(buffer, buffer.order(), name, true).slice();
  }

  static ShortBuffer out(ShortBuffer buffer, String name) {
    return buffer == null ? null : check(buffer, buffer.order(), name, true).slice();
  }

  static DoubleBuffer in(DoubleBuffer buffer, String name) {
    return buffer == null ? null : check(buffer, buffer.order(), name, false).slice();
  }

  static DoubleBuffer out(DoubleBuffer buffer, String name) {
    return buffer == null ? null : check(buffer, buffer.order(), name, true).slice();
  }

  static IntBuffer out(IntBuffer buffer, String name) {
    return buffer == null ? null : check(buffer, buffer.order(), name, true).slice();
  }

  static LongBuffer out(LongBuffer buffer, String name) {
    return buffer == null ? null : check(buffer, buffer.order(), name, true).slice();
  }

  // Bytes have no order.
  static ByteBuffer in(ByteBuffer buffer, String name) {
    return buffer == null ? null : check(buffer, ByteOrder.nativeOrder(), name, false).slice();
  }

  static ByteBuffer out(ByteBuffer buffer, String name) {
    return buffer == null ? null : check(buffer, ByteOrder.nativeOrder(), name, true).slice();
  }

  // Numbers of one of two types: float, or the bits of bf16 in short.
  static Buffer values(Buffer buffer, String name, boolean written) {
    if (buffer instanceof FloatBuffer floats) {
      return check(floats, floats.order(), name, written).slice();
    }
    if (buffer instanceof ShortBuffer shorts) {
      return check(shorts, shorts.order(), name, written).slice();
    }
    Arguments.given(buffer, name);
    throw new IllegalArgumentException(name + " must be a FloatBuffer, or a ShortBuffer for the bits of bf16");
  }

  static int dtype(Buffer buffer) {
    return (buffer instanceof FloatBuffer ? DType.F32 : DType.BF16).value();
  }

  private static <B extends Buffer> B check(B buffer, ByteOrder order, String name, boolean written) {
    if (!buffer.isDirect()) {
      throw new IllegalArgumentException(name + " is a heap buffer; it must be direct (Buffers makes such)");
    }
    if (order != ByteOrder.nativeOrder()) {
      throw new IllegalArgumentException(name + " is " + order + "; it must be in native order, " + ByteOrder.nativeOrder());
    }
    if (written && buffer.isReadOnly()) {
      throw new IllegalArgumentException(name + " is written to and must not be read-only");
    }
    return buffer;
  }
}
