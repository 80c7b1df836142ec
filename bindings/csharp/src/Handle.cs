using System;
using System.Runtime.InteropServices;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>Owns a native object. It may be disposed more than once; using it afterwards is an error with the code FailedPrecondition.</summary>
  public abstract class Handle : IDisposable {
    private readonly Action<SafeHandle> close;

    internal Handle(IntPtr box, Action<SafeHandle> close, Action<IntPtr> release) {
      Box = new Box(box, release);
      this.close = close;
    }

    /// <summary>What native calls are handed.</summary>
    internal SafeHandle Box { get; private set; }

    /// <summary>Frees the native object. FailedPrecondition while another thread is in a call of it.</summary>
    public void Dispose() {
      close(Box);
      GC.SuppressFinalize(this);
    }

    /// <summary>The box of a handle, or what stands for none.</summary>
    internal static SafeHandle OrNone(Handle handle) {
      return handle == null ? HorizonLM.Box.None : handle.Box;
    }

    /// <summary>The box of a handle that must be there.</summary>
    internal static SafeHandle Of(Handle handle, string name) {
      if (handle == null) throw new ArgumentNullException(name);
      return handle.Box;
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
