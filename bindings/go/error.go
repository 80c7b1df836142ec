package horizonlm

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"horizonlm/internal/native"
)

// Code says what kind of error it is; the numbers are those of the C interface. It is an error itself, for errors.Is(err, horizonlm.NotFound).
type Code int32

// The codes of errors.
const (
	OK                 = Code(native.HLM_OK)
	Cancelled          = Code(native.HLM_CANCELLED)
	InvalidArgument    = Code(native.HLM_INVALID_ARGUMENT)
	DeadlineExceeded   = Code(native.HLM_DEADLINE_EXCEEDED)
	NotFound           = Code(native.HLM_NOT_FOUND)
	AlreadyExists      = Code(native.HLM_ALREADY_EXISTS)
	ResourceExhausted  = Code(native.HLM_RESOURCE_EXHAUSTED)
	FailedPrecondition = Code(native.HLM_FAILED_PRECONDITION)
	OutOfRange         = Code(native.HLM_OUT_OF_RANGE)
	Unimplemented      = Code(native.HLM_UNIMPLEMENTED)
	Internal           = Code(native.HLM_INTERNAL)
	Unavailable        = Code(native.HLM_UNAVAILABLE)
	DataLoss           = Code(native.HLM_DATA_LOSS)
)

// String is the code's name, as "INVALID_ARGUMENT".
func (c Code) String() string { return native.Hlm_code_name(int32(c)) }

// Error is the code's name.
func (c Code) Error() string { return c.String() }

// Error is an error of the library. Find it with errors.As, or its code with errors.Is.
type Error struct {
	Code    Code
	Message string // one line that names the value and the limit
	cause   error
}

// Error is the code's name and the message.
func (e *Error) Error() string { return e.Code.String() + ": " + e.Message }

// Unwrap is the context's error where a context ended the call, so that errors.Is(err, context.Canceled) holds, and an all-gather's where
// that failed.
func (e *Error) Unwrap() error { return e.cause }

// Is says, for errors.Is, that an error is its code, and that NotFound is fs.ErrNotExist, AlreadyExists fs.ErrExist and DeadlineExceeded
// os.ErrDeadlineExceeded.
func (e *Error) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e.Code == NotFound
	case fs.ErrExist:
		return e.Code == AlreadyExists
	case os.ErrDeadlineExceeded:
		return e.Code == DeadlineExceeded
	}
	code, is := target.(Code)
	return is && code == e.Code
}

func errorf(code Code, format string, arguments ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, arguments...)}
}

func init() {
	native.MakeError = func(code int32, message string) error { return &Error{Code: Code(code), Message: message} }
}

// Version is the version of the library that is loaded.
func Version() string { return native.Hlm_version() }

// checkVersion refuses a library of another version than the one that this package was compiled for.
func checkVersion() error {
	if loaded, wanted := native.Hlm_version(), native.Hlm_bindings_version(); loaded != wanted {
		return errorf(Unavailable, "the library that was loaded is of version %s; the package was compiled for %s", loaded, wanted)
	}
	return nil
}

// checkText refuses what a C string cannot hold.
func checkText(name, text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return errorf(InvalidArgument, "%s holds a byte 0", name)
	}
	return nil
}

// takeText copies a text of the library's and frees it.
func takeText(text uintptr) string {
	defer native.Hlm_text_free(text)
	return native.Hlm_text(text)
}

// takeBytes copies a text of n bytes of the library's and frees it.
func takeBytes(text uintptr, n int64) string {
	defer native.Hlm_text_free(text)
	bytes := make([]byte, n)
	native.Hlm_text_copy(text, bytes)
	return string(bytes)
}
