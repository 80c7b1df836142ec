// How each type crosses into Python: handles and structs as capsules, errors as exceptions made by horizonlm._errors, buffers by the
// buffer protocol, results as the function's value (a tuple where there are several). The interpreter's lock is released around each call
// (swig -threads). Everything stays within the stable ABI of Python 3.9; see abi3/.

%insert(header) %{
// The buffer protocol joined the stable ABI in 3.11, with the layout and the functions that every version since 3.0 has had.
#if Py_LIMITED_API < 0x030b0000
extern "C" {
typedef struct {
  void* buf;
  PyObject* obj;
  Py_ssize_t len;
  Py_ssize_t itemsize;
  int readonly;
  int ndim;
  char* format;
  Py_ssize_t* shape;
  Py_ssize_t* strides;
  Py_ssize_t* suboffsets;
  void* internal;
} Py_buffer;
int PyObject_GetBuffer(PyObject* exporter, Py_buffer* view, int flags);
void PyBuffer_Release(Py_buffer* view);
int PyBuffer_IsContiguous(const Py_buffer* view, char order);
int PyObject_CheckBuffer(PyObject* exporter);
}
#define PyBUF_FULL_RO (0x0100 | 0x0018 | 0x0004) /* indirect, strides, format */
#endif

namespace {

// Raises what horizonlm._errors.make(code, message) gives; frees `failure`.
void Raise(hlm_failure* failure) {
  PyObject* module = PyImport_ImportModule("horizonlm._errors");
  PyObject* make = module != nullptr ? PyObject_GetAttrString(module, "make") : nullptr;
  PyObject* text = make != nullptr ? PyUnicode_DecodeUTF8(hlm_bind::Message(failure), static_cast<Py_ssize_t>(std::strlen(hlm_bind::Message(failure))), "replace") : nullptr;
  PyObject* error = text != nullptr ? PyObject_CallFunction(make, "iO", static_cast<int>(hlm_bind::Code(failure)), text) : nullptr;
  if (error != nullptr) PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error)), error);
  Py_XDECREF(error);
  Py_XDECREF(text);
  Py_XDECREF(make);
  Py_XDECREF(module);
  hlm_bind::Free(failure);
}

template <class T>
void FreeBox(PyObject* capsule) {
  delete static_cast<hlm_bind::Box<T>*>(PyCapsule_GetPointer(capsule, hlm_bind::Kind<T>::kWord));
}

// The box in a capsule; NULL with TypeError for anything else.
template <class T>
hlm_bind::Box<T>* BoxOf(PyObject* object) {
  if (PyCapsule_IsValid(object, hlm_bind::Kind<T>::kWord)) {
    return static_cast<hlm_bind::Box<T>*>(PyCapsule_GetPointer(object, hlm_bind::Kind<T>::kWord));
  }
  PyErr_Format(PyExc_TypeError, "a handle of a %s is wanted", hlm_bind::Kind<T>::kWord);
  return nullptr;
}

template <class T>
PyObject* NewBox(T* handle) {
  hlm_bind::Box<T>* box = hlm_bind::Box<T>::Take(handle);
  if (box == nullptr) return PyErr_NoMemory();
  PyObject* capsule = PyCapsule_New(box, hlm_bind::Kind<T>::kWord, &FreeBox<T>);
  if (capsule == nullptr) delete box;
  return capsule;
}

// A buffer argument, held until the call has returned.
class View {
 public:
  ~View() {
    if (view_.obj != nullptr) PyBuffer_Release(&view_);
  }

  // `formats`: the letters of the struct module that are taken, each for elements of `itemsize` bytes; NULL for bytes of any kind that
  // is 4 bytes wide and floating, or plain bytes. None is an absent buffer.
  bool Get(PyObject* object, const char* name, const char* formats, Py_ssize_t itemsize, const char* wanted, bool written) {
    if (object == Py_None) return true;
    if (!PyObject_CheckBuffer(object)) {
      PyErr_Format(PyExc_TypeError, "%s must be a buffer of %s (NumPy array, array.array, memoryview)", name, wanted);
      return false;
    }
    if (PyObject_GetBuffer(object, &view_, PyBUF_FULL_RO) < 0) return false;
    const char* format = view_.format != nullptr ? view_.format : "B";
    const char* letter = std::strchr("@=<", format[0]) != nullptr && format[0] != '\0' ? format + 1 : format;
    const bool bytes = itemsize == 0;
    const bool fits = letter[0] != '\0' && letter[1] == '\0' && std::strchr(formats, letter[0]) != nullptr &&
                      (bytes || view_.itemsize == itemsize);
    if (!fits) {
      PyErr_Format(PyExc_TypeError, "%s must hold %s; its elements have the format '%s' and %zd bytes", name, wanted, format, view_.itemsize);
      return false;
    }
    if (!PyBuffer_IsContiguous(&view_, 'C')) {
      PyErr_Format(PyExc_BufferError, "%s must be contiguous, in C order", name);
      return false;
    }
    if (written && view_.readonly) {
      PyErr_Format(PyExc_BufferError, "%s is written to and must not be read-only", name);
      return false;
    }
    return true;
  }

  // Of nothing the address may be any.
  void* data() const { return view_.obj != nullptr && view_.len > 0 ? view_.buf : nullptr; }
  size_t bytes() const { return view_.obj != nullptr ? static_cast<size_t>(view_.len) : 0; }

 private:
  Py_buffer view_ = {};
};

// What View::Get needs to know of an element type.
template <class T>
struct Element;
#define HLM_ELEMENT(type, letters, bytes, text)         \
  template <>                                           \
  struct Element<type> {                                \
    static constexpr const char* kFormats = letters;    \
    static constexpr Py_ssize_t kBytes = bytes;         \
    static constexpr size_t kUnit = bytes ? bytes : 1;  \
    static constexpr const char* kText = text;          \
  }
HLM_ELEMENT(int32_t, "il", 4, "int32");
HLM_ELEMENT(int64_t, "lq", 8, "int64");
HLM_ELEMENT(uint16_t, "H", 2, "uint16 (the bits of bf16)");
HLM_ELEMENT(float, "f", 4, "float32");
HLM_ELEMENT(double, "d", 8, "float64");
HLM_ELEMENT(void, "fHeBbc", 0, "float32, uint16 (the bits of bf16) or bytes");
#undef HLM_ELEMENT

// A whole number argument within [least, most]; whatever has __index__ (also NumPy's scalars and bools).
bool ToInteger(PyObject* object, long long least, long long most, long long* out) {
  PyObject* index = PyNumber_Index(object);
  if (index == nullptr) return false;
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(index, &overflow);
  Py_DECREF(index);
  if (overflow == 0 && value == -1 && PyErr_Occurred()) return false;
  if (overflow != 0 || value < least || value > most) {
    PyErr_Format(PyExc_OverflowError, "%S is not within %lld and %lld", object, least, most);
    return false;
  }
  *out = value;
  return true;
}

// UTF-8 of a str or of an os.PathLike, as a new bytes object. ValueError for a NUL in it.
PyObject* ToText(PyObject* object) {
  PyObject* bytes = nullptr;
  if (PyUnicode_Check(object)) {
    bytes = PyUnicode_AsUTF8String(object);
  } else {
    PyObject* path = PyOS_FSPath(object);
    if (path == nullptr) return nullptr;
    bytes = PyUnicode_Check(path) ? PyUnicode_AsUTF8String(path) : (Py_INCREF(path), path);
    Py_DECREF(path);
  }
  if (bytes == nullptr) return nullptr;
  char* text;
  if (PyBytes_AsStringAndSize(bytes, &text, nullptr) < 0) {  // checks for NUL
    Py_DECREF(bytes);
    return nullptr;
  }
  return bytes;
}

// A reference for the length of a call.
class Ref {
 public:
  ~Ref() { Py_XDECREF(object_); }
  PyObject* operator=(PyObject* object) { return object_ = object; }
  const char* c_str() const { return PyBytes_AsString(object_); }
  size_t size() const { return static_cast<size_t>(PyBytes_Size(object_)); }

 private:
  PyObject* object_ = nullptr;
};

// Appends a result: None becomes it, a value and it become a tuple. Takes both references.
PyObject* Append(PyObject* result, PyObject* value) {
  if (value == nullptr) {
    Py_XDECREF(result);
    return nullptr;
  }
  if (result == Py_None) {
    Py_DECREF(result);
    return value;
  }
  PyObject* tuple = Py_BuildValue("(NN)", result, value);
  return tuple;
}

// A callable that takes the own bytes and gives those of all ranks as one. It keeps what it raises: here the error is dropped.
class CallableAllGather final : public hlm_bind::AllGather {
 public:
  void Set(PyObject* callable) { callable_ = callable; }
  bool Gather(const void* own, size_t n_own, void* all, size_t n_all) noexcept override {
    const PyGILState_STATE state = PyGILState_Ensure();
    PyObject* bytes = PyBytes_FromStringAndSize(static_cast<const char*>(own), static_cast<Py_ssize_t>(n_own));
    PyObject* given = bytes != nullptr ? PyObject_CallFunctionObjArgs(callable_, bytes, nullptr) : nullptr;
    const bool whole = given != nullptr && PyBytes_Check(given) && static_cast<size_t>(PyBytes_Size(given)) == n_all;
    if (whole) std::memcpy(all, PyBytes_AsString(given), n_all);
    Py_XDECREF(given);
    Py_XDECREF(bytes);
    PyErr_Clear();
    PyGILState_Release(state);
    return whole;
  }

 private:
  PyObject* callable_ = nullptr;  // borrowed: the call's arguments hold it
};

PyObject* ToObject(double value) { return PyFloat_FromDouble(value); }
PyObject* ToObject(int64_t value) { return PyLong_FromLongLong(value); }
PyObject* ToObject(int32_t value) { return PyLong_FromLong(value); }

template <class T>
PyObject* NewMetrics(const T& metrics) {
  PyObject* tuple = PyTuple_New(hlm_bind::MetricValues(metrics).count);
  Py_ssize_t at = 0;
  hlm_bind::VisitMembers(metrics, [&](auto member) {
    if (tuple == nullptr) return;
    PyObject* value = ToObject(member);
    if (value == nullptr || PyTuple_SetItem(tuple, at++, value) < 0) Py_CLEAR(tuple);
  });
  return tuple;
}

}  // namespace
%}

%define HLM_ERROR(TYPE)
%typemap(out) TYPE* {
  if ($1 != nullptr) {
    Raise(hlm_bind::Take($1));
    SWIG_fail;
  }
  $result = SWIG_Py_Void();
}
%enddef

%define HLM_HANDLE(TYPE, OUT)
%ignore TYPE##_destroy;
%ignore TYPE##_free;
%typemap(in) TYPE* (hlm_bind::Use<TYPE> use), const TYPE* (hlm_bind::Use<TYPE> use) {
  hlm_bind::Box<TYPE>* box = BoxOf<TYPE>($input);
  if (box == nullptr) SWIG_fail;
  if (hlm_failure* failure = use.Begin(box)) {
    Raise(failure);
    SWIG_fail;
  }
  $1 = use.get();
}
%typemap(in) TYPE##_box* {
  $1 = BoxOf<TYPE>($input);
  if ($1 == nullptr) SWIG_fail;
}
%typemap(in, numinputs=0) TYPE** OUT (TYPE* made = nullptr) "$1 = &made;"
%typemap(argout) TYPE** OUT {
  $result = Append($result, made$argnum != nullptr ? NewBox(made$argnum) : SWIG_Py_Void());
  if ($result == nullptr) SWIG_fail;
}
%enddef

%define HLM_OPTIONAL_HANDLE(TYPE, NAME)
%typemap(in) const TYPE* NAME (hlm_bind::Use<TYPE> use) {
  if ($input == Py_None) {
    $1 = nullptr;
  } else {
    hlm_bind::Box<TYPE>* box = BoxOf<TYPE>($input);
    if (box == nullptr) SWIG_fail;
    if (hlm_failure* failure = use.Begin(box)) {
      Raise(failure);
      SWIG_fail;
    }
    $1 = use.get();
  }
}
%enddef

%typemap(in) hlm_all_gather* all_gather (CallableAllGather gather) {
  gather.Set($input);
  $1 = &gather;
}

%define HLM_STRUCT(TYPE)
%insert(header) %{
namespace { void Free_##TYPE(PyObject* capsule) { hlm_bind::DeleteStruct(static_cast<TYPE*>(PyCapsule_GetPointer(capsule, #TYPE))); } }
%}
%ignore TYPE::struct_size;
%ignore TYPE##_init;
%ignore TYPE##_init_sized;
%nodefaultdtor TYPE;
%extend TYPE {
  TYPE() { return hlm_bind::NewStruct<TYPE>(TYPE##_init_sized); }
}
%typemap(in) TYPE*, const TYPE* {
  if ($input == Py_None) {
    $1 = nullptr;
  } else {
    $1 = ($1_ltype)PyCapsule_GetPointer($input, #TYPE);
    if ($1 == nullptr) SWIG_fail;
  }
}
%typemap(in) TYPE* self {
  $1 = ($1_ltype)PyCapsule_GetPointer($input, #TYPE);
  if ($1 == nullptr) SWIG_fail;
}
%typemap(out) TYPE* {
  if ($1 == nullptr) {
    PyErr_NoMemory();
    SWIG_fail;
  }
  $result = PyCapsule_New($1, #TYPE, &Free_##TYPE);
}
%enddef

%define HLM_BUFFER_AS(CTYPE, TYPE, NAME, WRITTEN)
%typemap(in) (CTYPE* NAME, size_t n_##NAME) (View view) {
  if (!view.Get($input, #NAME, Element<TYPE>::kFormats, Element<TYPE>::kBytes, Element<TYPE>::kText, WRITTEN)) SWIG_fail;
  $1 = static_cast<$1_ltype>(view.data());
  $2 = view.bytes() / Element<TYPE>::kUnit;
}
%enddef
%define HLM_BUFFER(TYPE, NAME)
HLM_BUFFER_AS(const TYPE, TYPE, NAME, false)
%enddef
%define HLM_BUFFER_OUT(TYPE, NAME)
HLM_BUFFER_AS(TYPE, TYPE, NAME, true)
%enddef

%define HLM_OUT(TYPE, NAME)
%typemap(in, numinputs=0) TYPE* NAME (TYPE value = 0) "$1 = &value;"
%typemap(argout) TYPE* NAME {
  $result = Append($result, HLM_FROM_##TYPE(value$argnum));
  if ($result == nullptr) SWIG_fail;
}
%enddef
%insert(header) %{
#define HLM_FROM_double(value) PyFloat_FromDouble(value)
#define HLM_FROM_int64_t(value) PyLong_FromLongLong(value)
#define HLM_FROM_int32_t(value) PyLong_FromLong(value)
%}

// A tuple of the members in the header's order.
%define HLM_METRICS_OUT(TYPE, NAME)
%typemap(in, numinputs=0) TYPE* NAME (TYPE written = hlm_bind::EmptyMetrics()) "$1 = &written;"
%typemap(argout) TYPE* NAME {
  $result = Append($result, NewMetrics(written$argnum));
  if ($result == nullptr) SWIG_fail;
}
%enddef

%define HLM_OUT_TEXT(NAME)
%typemap(in, numinputs=0) char** NAME (char* text = nullptr) "$1 = &text;"
%typemap(argout) char** NAME {
  PyObject* value = PyUnicode_DecodeUTF8(text$argnum, static_cast<Py_ssize_t>(std::strlen(text$argnum)), "replace");
  hlm_string_destroy(text$argnum);
  $result = Append($result, value);
  if ($result == nullptr) SWIG_fail;
}
%enddef

// A text that may hold NULs.
%define HLM_OUT_SIZED_TEXT(NAME)
%typemap(in, numinputs=0) (char** NAME, size_t* out_n_text) (char* text = nullptr, size_t n_text = 0) "$1 = &text; $2 = &n_text;"
%typemap(argout) (char** NAME, size_t* out_n_text) {
  PyObject* value = PyUnicode_DecodeUTF8(text$argnum, static_cast<Py_ssize_t>(n_text$argnum), "replace");
  hlm_string_destroy(text$argnum);
  $result = Append($result, value);
  if ($result == nullptr) SWIG_fail;
}
%enddef
// A str, or its UTF-8 as bytes.
%define HLM_SIZED_TEXT(NAME)
%typemap(in) (const char* NAME, size_t n_##NAME) (Ref held) {
  if (PyUnicode_Check($input)) {
    if ((held = PyUnicode_AsUTF8String($input)) == nullptr) SWIG_fail;
  } else if (PyBytes_Check($input)) {
    Py_INCREF($input);
    held = $input;
  } else {
    PyErr_SetString(PyExc_TypeError, #NAME " must be a str, or its UTF-8 as bytes");
    SWIG_fail;
  }
  $1 = const_cast<char*>(held.c_str());
  $2 = held.size();
}
%typemap(freearg) (const char* NAME, size_t n_##NAME) "";
%enddef

%typemap(in) int32_t {
  long long value;
  if (!ToInteger($input, INT32_MIN, INT32_MAX, &value)) SWIG_fail;
  $1 = static_cast<int32_t>(value);
}
%typemap(in) int64_t {
  long long value;
  if (!ToInteger($input, INT64_MIN, INT64_MAX, &value)) SWIG_fail;
  $1 = static_cast<int64_t>(value);
}
%typemap(in) size_t {
  long long value;
  if (!ToInteger($input, 0, INT64_MAX, &value)) SWIG_fail;
  $1 = static_cast<size_t>(value);
}
%typemap(in) double {
  $1 = PyFloat_AsDouble($input);
  if ($1 == -1.0 && PyErr_Occurred()) SWIG_fail;
}
%typemap(out) int32_t "$result = PyLong_FromLong($1);"
%typemap(out) int64_t "$result = PyLong_FromLongLong($1);"
%typemap(out) double "$result = PyFloat_FromDouble($1);"
%typemap(in) const char* (Ref held) {
  if ($input == Py_None) {
    $1 = nullptr;
  } else {
    if ((held = ToText($input)) == nullptr) SWIG_fail;
    $1 = const_cast<char*>(held.c_str());
  }
}
%typemap(freearg) const char* "";
%typemap(memberin) const char* {
  $1 = hlm_bind::KeepText(arg1, $input);
  if ($1 == nullptr && $input != nullptr) {
    PyErr_NoMemory();
    SWIG_fail;
  }
}
%typemap(out) const char* "$result = $1 != nullptr ? PyUnicode_FromString($1) : SWIG_Py_Void();"
%typemap(constcode) int "PyModule_AddIntConstant(m, \"$symname\", (long)($value));"
%typemap(constcode) char* "PyModule_AddStringConstant(m, \"$symname\", $value);"
