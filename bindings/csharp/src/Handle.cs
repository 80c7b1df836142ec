using System;
using System.Globalization;
using System.Runtime.InteropServices;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>Owns a native object. It may be disposed more than once; using it afterwards is an error with the code FailedPrecondition.</summary>
  public abstract class Handle : IDisposable {
    private readonly Action<SafeHandle> close;
    private readonly Func<SafeHandle, int> closed;

    internal Handle(IntPtr box, Action<SafeHandle> close, Func<SafeHandle, int> closed, Action<IntPtr> release) {
      Box = new Box(box, release);
      this.close = close;
      this.closed = closed;
    }

    /// <summary>What native calls are handed.</summary>
    internal SafeHandle Box { get; private set; }

    /// <summary>Frees the native object. FailedPrecondition while another thread is in a call of it.</summary>
    public void Dispose() {
      close(Box);
      GC.SuppressFinalize(this);
    }

    /// <summary>What this is, in a line: "Model: LlamaForCausalLM, 19,616 parameters", or "Model, closed". It never fails.</summary>
    public sealed override string ToString() {
      string name = GetType().Name;
      if (closed(Box) != 0) return name + ", closed";
      try {
        string about = About();
        return about.Length == 0 ? name : name + ": " + about;
      } catch (HorizonLMException) {  // another thread uses it, or has closed it
        return name;
      }
    }

    /// <summary>What ToString says of one that is open.</summary>
    internal virtual string About() {
      return "";
    }

    /// <summary>"1 document", "2,000 documents".</summary>
    internal static string Count(object n, string one) {
      long number = Convert.ToInt64(n, CultureInfo.InvariantCulture);
      return number.ToString("N0", CultureInfo.InvariantCulture) + " " + one + (number == 1 ? "" : "s");
    }

    /// <summary>The box of a handle, or what stands for none.</summary>
    internal static SafeHandle OrNone(Handle handle) {
      return handle == null ? HorizonLM.Box.None : handle.Box;
    }

    /// <summary>The box of a handle that must be there.</summary>
    internal static SafeHandle Of(Handle handle, string name) {
      return Arguments.Given(handle, name).Box;
    }
  }

  /// <summary>Options: what to set in a native struct that holds the library's defaults.</summary>
  public abstract class Options {
    internal Options() {}

    internal abstract IntPtr Create();

    internal abstract void Delete(IntPtr options);

    internal abstract void Write(IntPtr options);

    /// <summary>Runs `body` with a struct that lives for its length; with null, which stands for the defaults, for null.</summary>
    internal static void With(Options options, Action<IntPtr> body) {
      if (options == null) {
        body(IntPtr.Zero);
        return;
      }
      IntPtr own = options.Create();
      if (own == IntPtr.Zero) throw new OutOfMemoryException("options do not fit into native memory");
      try {
        options.Write(own);
        body(own);
      } finally {
        options.Delete(own);
      }
    }
  }
}
