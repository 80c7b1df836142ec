using System;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>What kind of error it is; the numbers are those of the C interface.</summary>
  public enum Code {
    /// <summary>The call was cancelled.</summary>
    Cancelled = Native.HLM_CANCELLED,
    /// <summary>An argument, or what a file says, is not legal.</summary>
    InvalidArgument = Native.HLM_INVALID_ARGUMENT,
    /// <summary>The call ran for longer than Trainer.SetDeadline allows.</summary>
    DeadlineExceeded = Native.HLM_DEADLINE_EXCEEDED,
    /// <summary>A file, a tensor, a key or a device is not there.</summary>
    NotFound = Native.HLM_NOT_FOUND,
    /// <summary>The folder to be written exists and is not empty.</summary>
    AlreadyExists = Native.HLM_ALREADY_EXISTS,
    /// <summary>The memory does not suffice; the message says what to change.</summary>
    ResourceExhausted = Native.HLM_RESOURCE_EXHAUSTED,
    /// <summary>The call is not legal now: a closed handle, two threads in one handle, a tensor that is not there.</summary>
    FailedPrecondition = Native.HLM_FAILED_PRECONDITION,
    /// <summary>A place is past the end.</summary>
    OutOfRange = Native.HLM_OUT_OF_RANGE,
    /// <summary>The library does not do this; the message names it.</summary>
    Unimplemented = Native.HLM_UNIMPLEMENTED,
    /// <summary>A fault of the library's own.</summary>
    Internal = Native.HLM_INTERNAL,
    /// <summary>A device or a library cannot be used here.</summary>
    Unavailable = Native.HLM_UNAVAILABLE,
    /// <summary>A file is damaged.</summary>
    DataLoss = Native.HLM_DATA_LOSS,
  }

  /// <summary>An error of the library. Its message is one line that names the value and the limit.</summary>
  public sealed class HorizonLMException : Exception {
    /// <summary>An error of a code.</summary>
    public HorizonLMException(Code code, string message) : base(message) {
      Code = code;
    }

    internal HorizonLMException(Code code, string message, Exception cause) : base(message, cause) {
      Code = code;
    }

    /// <summary>What kind of error it is.</summary>
    public Code Code { get; private set; }
  }
}
