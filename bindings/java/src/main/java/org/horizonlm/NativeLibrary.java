package org.horizonlm;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.horizonlm.internal.Native;

/**
 * Loads the native libraries, once: those that a jar with a classifier carries, or those in the folder that the system property {@code org.horizonlm.native} names.
 */
final class NativeLibrary {
  private static final String PROPERTY = "org.horizonlm.native";
  private static final String JNI = "libhorizonlm_jni.so";
  private static final String GLOO = "libhorizonlm_gloo.so";

  private static boolean loaded;
  private static Path unpacked; // where the libraries lay that were loaded; null: they still lie where they were found
  private static HorizonLmException failure;

  private NativeLibrary() {}

  /** UNAVAILABLE, with the reason, where the libraries cannot be loaded or are of another version. */
  static synchronized void load() {
    if (loaded) {
      return;
    }
    if (failure != null) {
      throw new HorizonLmException(failure.code(), failure.getMessage());
    }
    try {
      String folder = System.getProperty(PROPERTY);
      if (folder != null) {
        System.load(Path.of(folder).toAbsolutePath().resolve(JNI).toString());
      } else {
        loadCarried();
      }
      String wanted = Text.decode(Native.hlm_bindings_version());
      String found = Text.decode(Native.hlm_version());
      if (!wanted.equals(found)) {
        throw new HorizonLmException(Code.UNAVAILABLE, "the library that was loaded is of version " + found + "; the jar was compiled for " + wanted);
      }
      loaded = true;
    } catch (HorizonLmException error) {
      failure = error;
      throw error;
    } catch (IOException | LinkageError | RuntimeException error) {
      failure = new HorizonLmException(Code.UNAVAILABLE, "the native library cannot be loaded: " + error.getMessage());
      throw failure;
    }
  }

  private static String platform() {
    String os = System.getProperty("os.name").toLowerCase(java.util.Locale.ROOT);
    return os + "-" + System.getProperty("os.arch").replace("amd64", "x86_64");
  }

  private static void loadCarried() throws IOException {
    String platform = platform();
    List<String> resources = filesOf(platform);
    if (resources.isEmpty()) {
      boolean modular = NativeLibrary.class.getModule().isNamed();
      throw new IOException("there is no jar with native libraries for " + platform + " on the class path" + (modular ? " or among the modules" : "")
          + ": horizonlm with the classifier " + platform + (modular ? "; on the module path add it by --add-modules org.horizonlm." + platform.replace('-', '_') : ""));
    }
    // Without a driver the CUDA device's library is of no use; unpacking it would only take time.
    List<String> cuda = Files.exists(Path.of("/proc/driver/nvidia/version")) ? filesOf(platform + "-cuda13") : List.of();
    Path folder = Files.createTempDirectory("horizonlm");
    List<Path> files = new ArrayList<>();
    try {
      unpack(resources, folder, files);
      unpack(cuda, folder, files);
      System.load(folder.resolve(JNI).toString());
    } finally {
      // What is loaded stays so without its file; the CUDA library is loaded later, at the first use of a device.
      files.add(folder);
      if (!cuda.isEmpty()) {
        folder.toFile().deleteOnExit();
        files.forEach(file -> file.toFile().deleteOnExit());
      } else {
        delete(files);
        unpacked = folder;
      }
    }
  }

  /**
   * What joins processes is loaded by the library, by its name beside it, when a group is made. Where the files are gone they come back for a moment: what is loaded by
   * then is found without its file.
   */
  static synchronized void loadGroups() {
    load();
    if (unpacked == null) {
      return;
    }
    List<Path> files = new ArrayList<>();
    try {
      Files.createDirectory(unpacked, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      try {
        unpack(filesOf(platform()), unpacked, files);
        System.load(unpacked.resolve(GLOO).toString());
      } finally {
        files.add(unpacked);
        delete(files);
      }
      unpacked = null;
    } catch (IOException | LinkageError error) {
      throw new HorizonLmException(Code.UNAVAILABLE, "the library that joins processes cannot be loaded: " + error.getMessage());
    }
  }

  private static void unpack(List<String> resources, Path folder, List<Path> files) throws IOException {
    for (String name : resources) {
      Path file = folder.resolve(name.substring(name.lastIndexOf('/') + 1));
      files.add(file);
      try (InputStream library = resource(name)) {
        Files.copy(library, file);
      }
    }
  }

  private static void delete(List<Path> files) throws IOException {
    for (Path file : files) {
      Files.deleteIfExists(file);
    }
  }

  /** The resources that a jar with native libraries has for a platform; none where there is no such jar. */
  private static List<String> filesOf(String platform) throws IOException {
    String place = "native/" + platform + "/";
    try (InputStream list = resource(place + "files.txt")) {
      if (list == null) {
        return List.of();
      }
      return new String(list.readAllBytes(), StandardCharsets.UTF_8).lines().map(name -> place + name).toList();
    }
  }

  /** By the class loader: the libraries are in another jar, and another module, than this class. */
  private static InputStream resource(String name) {
    return NativeLibrary.class.getClassLoader().getResourceAsStream(name);
  }
}
