// How each type crosses into Go: handles as uintptr to a box, structs as SWIG's own proxies, errors as `error` made by MakeError, buffers as
// slices (Go 1.19 has no runtime.Pinner: cgo pins what an argument points to for the length of the call), results through pointers.
// SWIG's stock typemaps would make *int (8 bytes) of int32_t*.

%begin %{
#define HLM_BIND_NULL "nil"
%}

%insert(cgo_comment_typedefs) %{
#cgo CXXFLAGS: -std=c++17 -Wno-unused-function -I${SRCDIR}
#cgo LDFLAGS: -L${SRCDIR} -lhorizonlm -Wl,-rpath,${SRCDIR} -Wl,-rpath,$ORIGIN
#include <stdint.h>
%}

%insert(go_wrapper) %{
// MakeError makes the error of a code and a message; the package that people see sets it.
var MakeError func(code int32, message string) error

func toError(failure uintptr) error {
	if failure == 0 {
		return nil
	}
	err := MakeError(Hlm_failure_code(failure), Hlm_failure_message(failure))
	Hlm_failure_free(failure)
	return err
}
%}

%go_import("runtime/cgo")
%insert(go_wrapper) %{
// AllGather fills all with every rank's bytes, of which own are this one's; false says that it has failed.
type AllGather func(own, all []byte) bool

// WithAllGather runs call with a number that stands for gather as long as it runs.
func WithAllGather(gather AllGather, call func(handle uintptr) error) error {
	own := cgo.NewHandle(gather)
	defer own.Delete()
	return call(uintptr(own))
}

//export hlm_go_all_gather
func hlm_go_all_gather(handle uintptr, own unsafe.Pointer, nOwn int64, all unsafe.Pointer, nAll int64) bool {
	return cgo.Handle(handle).Value().(AllGather)(unsafe.Slice((*byte)(own), nOwn), unsafe.Slice((*byte)(all), nAll))
}
%}

%insert(header) %{
extern "C" uint8_t hlm_go_all_gather(uintptr_t handle, const void* own, int64_t n_own, void* all, int64_t n_all);

// A function of Go's, which is called by a number.
class NumberedAllGather final : public hlm_bind::AllGather {
 public:
  void Set(uintptr_t handle) { handle_ = handle; }
  bool Gather(const void* own, size_t n_own, void* all, size_t n_all) noexcept override {
    return hlm_go_all_gather(handle_, own, static_cast<int64_t>(n_own), all, static_cast<int64_t>(n_all)) != 0;
  }

 private:
  uintptr_t handle_ = 0;
};
%}
%typemap(gotype) hlm_all_gather* all_gather "uintptr"
%typemap(imtype) hlm_all_gather* all_gather "uintptr"
%typemap(goin) hlm_all_gather* all_gather "$result = $input"
%typemap(in) hlm_all_gather* all_gather (NumberedAllGather gather) %{
  gather.Set((uintptr_t)$input);
  $1 = &gather;
%}

%insert(header) %{
// A failure as whatever pointer the generated code returns: Go's side reads the number only.
struct Raw {
  hlm_failure* failure;
  template <class T>
  operator T*() const {
    return reinterpret_cast<T*>(failure);
  }
};
%}

typedef unsigned long uintptr_t;
%define HLM_NUMBER(TYPE, GOTYPE)
%typemap(gotype) TYPE, const TYPE& "GOTYPE"
%typemap(imtype) TYPE "GOTYPE"
%typemap(goin) TYPE "$result = $input"
%typemap(goout) TYPE "$result = $input"
%typemap(in) TYPE %{ $1 = (TYPE)$input; %}
%typemap(out) TYPE %{ $result = $1; %}
%enddef
HLM_NUMBER(int32_t, int32)
HLM_NUMBER(int64_t, int64)
HLM_NUMBER(size_t, int64)
HLM_NUMBER(uintptr_t, uintptr)

%typemap(gotype) (char* bytes, size_t n_bytes) "[]byte"
%typemap(imtype) (char* bytes, size_t n_bytes) "[]byte"
%typemap(in) (char* bytes, size_t n_bytes) %{
  $1 = static_cast<char*>($input.array);
  $2 = static_cast<size_t>($input.len);
%}

%inline %{
static int32_t hlm_failure_code(uintptr_t failure) { return hlm_bind::Code(reinterpret_cast<hlm_failure*>(failure)); }
static const char* hlm_failure_message(uintptr_t failure) { return hlm_bind::Message(reinterpret_cast<hlm_failure*>(failure)); }
static void hlm_failure_free(uintptr_t failure) { hlm_bind::Free(reinterpret_cast<hlm_failure*>(failure)); }
// A text of the library's, and its end.
static const char* hlm_text(uintptr_t text) { return reinterpret_cast<const char*>(text); }
static void hlm_text_copy(uintptr_t text, char* bytes, size_t n_bytes) { std::memcpy(bytes, reinterpret_cast<const char*>(text), n_bytes); }
static void hlm_text_free(uintptr_t text) { hlm_string_destroy(reinterpret_cast<char*>(text)); }
%}

%define HLM_ERROR(TYPE)
%typemap(gotype) TYPE* "error"
%typemap(imtype) TYPE* "uintptr"
%typemap(out) TYPE* %{ $result = Raw{hlm_bind::Take($1)}; %}
%typemap(goout) TYPE* %{ $result = toError(uintptr($input)) %}
%enddef

%define HLM_HANDLE(TYPE, OUT)
%ignore TYPE##_destroy;
%typemap(gotype) TYPE*, const TYPE*, TYPE##_box* "uintptr"
%typemap(imtype) TYPE*, const TYPE*, TYPE##_box* "uintptr"
%typemap(goin) TYPE*, const TYPE*, TYPE##_box* "$result = $input"
%typemap(in) TYPE* (hlm_bind::Use<TYPE> use), const TYPE* (hlm_bind::Use<TYPE> use) %{
  if (hlm_failure* failure = use.Begin(reinterpret_cast<hlm_bind::Box<TYPE>*>($input))) return Raw{failure};
  $1 = use.get();
%}
%typemap(in) TYPE##_box* %{ $1 = reinterpret_cast<TYPE##_box*>($input); %}
%typemap(gotype) TYPE** OUT "*uintptr"
%typemap(in) TYPE** OUT (TYPE* made = nullptr) %{ $1 = &made; %}
%typemap(argout) TYPE** OUT %{
  if (made$argnum != nullptr) {
    void* box = hlm_bind::Box<TYPE>::Take(made$argnum);
    *reinterpret_cast<uintptr_t*>($input) = reinterpret_cast<uintptr_t>(box);
    if (box == nullptr) _swig_go_result = Raw{hlm_bind::NewFailure(HLM_RESOURCE_EXHAUSTED, "out of memory")};
  }
%}
%enddef

%define HLM_OPTIONAL_HANDLE(TYPE, NAME)
%typemap(in) const TYPE* NAME (hlm_bind::Use<TYPE> use) %{
  $1 = nullptr;
  if ($input != 0) {
    if (hlm_failure* failure = use.Begin(reinterpret_cast<hlm_bind::Box<TYPE>*>($input))) return Raw{failure};
    $1 = use.get();
  }
%}
%enddef

%define HLM_STRUCT(TYPE)
%ignore TYPE::struct_size;
%ignore TYPE##_init;
%ignore TYPE##_init_sized;
%extend TYPE {
  TYPE() { return hlm_bind::NewStruct<TYPE>(TYPE##_init_sized); }
  ~TYPE() { hlm_bind::DeleteStruct(self); }
}
%enddef

%define HLM_SLICE(CTYPE, NAME, GOTYPE)
%typemap(gotype) (CTYPE* NAME, size_t n_##NAME) "[]GOTYPE"
%typemap(imtype) (CTYPE* NAME, size_t n_##NAME) "[]GOTYPE"
%typemap(in) (CTYPE* NAME, size_t n_##NAME) %{
  $1 = static_cast<$1_ltype>($input.array);
  $2 = static_cast<size_t>($input.len);
  if ($2 == 0) $1 = nullptr;
%}
%enddef
#define HLM_GO_int32_t int32
#define HLM_GO_int64_t int64
#define HLM_GO_uint16_t uint16
#define HLM_GO_float float32
#define HLM_GO_double float64
#define HLM_GO_void byte
%define HLM_BUFFER(TYPE, NAME)
HLM_SLICE(const TYPE, NAME, HLM_GO_##TYPE)
%enddef
%define HLM_BUFFER_OUT(TYPE, NAME)
HLM_SLICE(TYPE, NAME, HLM_GO_##TYPE)
%enddef

%define HLM_OUT_AS(TYPE, NAME, GOTYPE)
%typemap(gotype) TYPE* NAME "*GOTYPE"
%typemap(in) TYPE* NAME %{ $1 = reinterpret_cast<TYPE*>($input); %}
%enddef
%define HLM_OUT(TYPE, NAME)
HLM_OUT_AS(TYPE, NAME, HLM_GO_##TYPE)
%enddef
// The members in the header's order, as double, as far as the slice goes.
%define HLM_METRICS_OUT(TYPE, NAME)
%typemap(gotype) TYPE* NAME "[]float64"
%typemap(imtype) TYPE* NAME "[]float64"
%typemap(goin) TYPE* NAME "$result = $input"
%typemap(in) TYPE* NAME (TYPE written = hlm_bind::EmptyMetrics()) %{ $1 = &written; %}
%typemap(argout) TYPE* NAME %{
  const hlm_bind::MetricValues all(written$argnum);
  for (int i = 0; i < all.count && i < static_cast<int>($input.len); ++i) static_cast<double*>($input.array)[i] = all.values[i];
%}
%enddef

%define HLM_OUT_TEXT(NAME)
%typemap(gotype) char** NAME "*uintptr"
%typemap(in) char** NAME %{ $1 = reinterpret_cast<char**>($input); %}
%enddef

// A text with its length: two results in Go, for takeText.
%define HLM_OUT_SIZED_TEXT(NAME)
HLM_OUT_AS(size_t, out_n_text, int64)
%enddef
// A string of Go's, in place.
%define HLM_SIZED_TEXT(NAME)
%apply (char* STRING, size_t LENGTH) { (const char* NAME, size_t n_##NAME) };
%enddef

%typemap(memberin) const char* {
  $1 = hlm_bind::KeepText(arg1, $input);
  if ($1 == nullptr && $input != nullptr) _swig_gopanic("out of memory");
}
