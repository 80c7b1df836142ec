using System;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>The library itself.</summary>
  public static class Library {
    private static readonly object Gate = new object();
    private static bool loaded;

    /// <summary>The version of the library that is loaded.</summary>
    public static string Version {
      get {
        Load();
        return Text.Of(Native.hlm_version());
      }
    }

    /// <summary>Loads the native library at its first use. Unavailable, with the reason, where it cannot be loaded or is of another version.</summary>
    internal static void Load() {
      lock (Gate) {
        if (loaded) return;
        string wanted, found;
        try {
          wanted = Text.Of(Native.hlm_bindings_version());
          found = Text.Of(Native.hlm_version());
        } catch (Exception error) when (error is DllNotFoundException || error is EntryPointNotFoundException || error is BadImageFormatException) {
          throw new HorizonLMException(Code.Unavailable, "the native library cannot be loaded: " + error.Message);
        }
        if (wanted != found) {
          throw new HorizonLMException(Code.Unavailable, "the library that was loaded is of version " + found + "; the assembly was compiled for " + wanted);
        }
        loaded = true;
      }
    }
  }
}
