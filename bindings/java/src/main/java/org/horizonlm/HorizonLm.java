package org.horizonlm;

import org.horizonlm.internal.Native;

/** What concerns the library as a whole. */
public final class HorizonLm {
  private HorizonLm() {}

  /**
   * The version of the library that is loaded.
   *
   * @return as "0.1.0"
   * @throws HorizonLmException UNAVAILABLE where the native library cannot be loaded
   */
  public static String version() {
    NativeLibrary.load();
    return Text.decode(Native.hlm_version());
  }
}
