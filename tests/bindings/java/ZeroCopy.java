import java.lang.reflect.Field;
import java.nio.Buffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import org.horizonlm.Batch;
import org.horizonlm.Buffers;
import org.horizonlm.TensorKind;
import org.horizonlm.Trainer;

/** Prints the addresses of buffers as it passes them; run with spy.c preloaded, whose notes must be the same lines. */
public final class ZeroCopy {
  private static String address(Buffer buffer, long offset) throws ReflectiveOperationException {
    Field field = Buffer.class.getDeclaredField("address");
    field.setAccessible(true); // --add-opens java.base/java.nio=ALL-UNNAMED
    return "0x" + Long.toHexString(field.getLong(buffer) + offset);
  }

  public static void main(String[] args) throws ReflectiveOperationException {
    try (Trainer trainer = BindingTest.trainer()) {
      IntBuffer ids = Buffers.ints(new int[] {1, 2, 3, 4, 5});
      FloatBuffer weights = Buffers.floats(new float[] {1, 1, 1, 1, 1});
      trainer.evaluate(new Batch(ids, Buffers.longs(new long[] {0, 5}), null, weights, 0));
      System.out.println("evaluate " + address(ids, 0) + " 5 " + address(weights, 0) + " 5");
      ids.position(1);
      trainer.evaluate(new Batch(ids, Buffers.longs(new long[] {0, 4})));
      System.out.println("evaluate " + address(ids, 4) + " 4 (nil) 0");
      FloatBuffer out = Buffers.floats(32).position(8);
      trainer.readTensor("model.norm.weight", TensorKind.WEIGHT, 0, out);
      System.out.println("read " + address(out, 32) + " 96 (nil) 0");
    }
  }
}
