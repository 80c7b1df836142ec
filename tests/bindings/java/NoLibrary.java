import java.nio.file.Path;
import org.horizonlm.Code;
import org.horizonlm.HorizonLmException;
import org.horizonlm.Model;

/** Without its native library, or with one of another version, every call is UNAVAILABLE with the reason: NoLibrary PART_OF_THE_REASON */
public final class NoLibrary {
  public static void main(String[] args) {
    for (int twice = 0; twice < 2; ++twice) {
      try {
        Model.open(Path.of("/no/such/folder"));
      } catch (HorizonLmException error) {
        BindingTest.check(error.code() == Code.UNAVAILABLE && error.getMessage().contains(args[0]), error.code() + ": " + error.getMessage());
        continue;
      }
      throw new AssertionError("it opened a model");
    }
  }
}
