using System;

namespace HorizonLM {
  /// <summary>What callers must not leave out.</summary>
  internal static class Arguments {
    /// <summary>The value; an ArgumentNullException that names it where it is null.</summary>
    internal static T Given<T>(T value, string name) where T : class {
      if (value == null) throw new ArgumentNullException(name);
      return value;
    }
  }
}
