using System;
using System.Runtime.InteropServices;
using System.Text;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>Owns a box (bindings/swig/handles.h): the runtime frees it when its object is gone and no call holds it.</summary>
  internal sealed class Box : SafeHandle {
    /// <summary>Stands for a handle that is absent.</summary>
    internal static readonly Box None = new Box(IntPtr.Zero, null);

    private readonly Action<IntPtr> release;

    internal Box(IntPtr box, Action<IntPtr> release) : base(IntPtr.Zero, true) {
      this.release = release;
      SetHandle(box);
    }

    public override bool IsInvalid {
      get { return handle == IntPtr.Zero; }
    }

    protected override bool ReleaseHandle() {
      release(handle);
      return true;
    }
  }

  /// <summary>What a native call returns: null, or an error.</summary>
  internal static class Failure {
    internal static void Check(IntPtr failure) {
      if (failure == IntPtr.Zero) return;
      var code = (Code)Native.hlm_failure_code(failure);
      string message = Text.Of(Native.hlm_failure_message(failure));
      Native.hlm_failure_free(failure);
      throw new HorizonLMException(code, message);
    }
  }

  /// <summary>A text of the library's with its length; the same struct in C.</summary>
  [StructLayout(LayoutKind.Sequential)]
  internal struct SizedText {
    internal IntPtr Data;
    internal long Length;

    /// <summary>The text, which is freed.</summary>
    internal string Take() {
      try {
        return Text.Of(Data, checked((int)Length));
      } finally {
        Native.hlm_text_free(Data);
      }
    }
  }

  /// <summary>Texts cross as UTF-8.</summary>
  internal static class Text {
    // Throws for half a surrogate pair, which has no UTF-8.
    private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

    /// <summary>UTF-8 that ends with a 0. ArgumentException for a text that holds one.</summary>
    internal static byte[] Encode(string text, string name) {
      byte[] bytes = Utf8(text, name);
      if (Array.IndexOf(bytes, (byte)0) >= 0) throw new ArgumentException(name + " holds a character 0", name);
      Array.Resize(ref bytes, bytes.Length + 1);
      return bytes;
    }

    /// <summary>UTF-8 without an end.</summary>
    internal static byte[] Utf8(string text, string name) {
      Arguments.Given(text, name);
      try {
        return Strict.GetBytes(text);
      } catch (EncoderFallbackException error) {
        throw new ArgumentException(name + " holds half a surrogate pair at character " + error.Index, name, error);
      }
    }

    internal static string Of(IntPtr text, int length) {
      if (length == 0) return "";
      var bytes = new byte[length];
      Marshal.Copy(text, bytes, 0, length);
      return Encoding.UTF8.GetString(bytes);
    }

    internal static string Of(IntPtr text) {
      int length = 0;
      while (Marshal.ReadByte(text, length) != 0) ++length;
      return Of(text, length);
    }

    /// <summary>A text of the library's, which is freed.</summary>
    internal static string Take(IntPtr text) {
      try {
        return Of(text);
      } finally {
        Native.hlm_text_free(text);
      }
    }
  }

  /// <summary>An array of one of several types, held in its place until it is disposed.</summary>
  internal sealed class Pinned : IDisposable {
    private GCHandle handle;

    /// <summary>Of nothing, where `array` is null.</summary>
    internal Pinned(Array array, int elementBytes) {
      if (array == null) return;
      handle = GCHandle.Alloc(array, GCHandleType.Pinned);
      Address = handle.AddrOfPinnedObject();
      Bytes = array.LongLength * elementBytes;
    }

    /// <summary>Of float, or of ushort for the bits of bf16; `dtype` says which.</summary>
    internal static Pinned Values(Array array, string name, out int dtype) {
      Arguments.Given(array, name);
      bool floats = array is float[];
      if (!floats && array.GetType() != typeof(ushort[])) throw new ArgumentException(name + " must be a float[], or a ushort[] for the bits of bf16", name);
      dtype = (int)(floats ? DType.F32 : DType.BF16);
      return new Pinned(array, floats ? 4 : 2);
    }

    internal IntPtr Address { get; private set; }

    internal long Bytes { get; private set; }

    public void Dispose() {
      if (handle.IsAllocated) handle.Free();
    }
  }
}
