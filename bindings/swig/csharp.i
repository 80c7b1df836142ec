// How each type crosses into C#: handles as SafeHandle (the runtime counts the calls that hold one), structs as IntPtr, errors as the address of
// the failure, which Failure.Check makes an exception of (so nothing native throws, and of C# only an all-gather is called, on the calling thread), buffers as
// arrays, which the runtime pins for the call, results through `out` arguments, texts as UTF-8 in byte[] that ends with a 0.
//
// An array and its length are one argument of C# and two of C: `ctype` and `imtype` hold a comma. The generated class HorizonLM.Internal.Native is
// not for people: HorizonLM stands on it.

%pragma(csharp) moduleclassmodifiers="internal static class"
%pragma(csharp) imclassclassmodifiers="internal static class"
%csconst(1);

%insert(header) %{
// A text of the library's with its length; the same struct in C#.
struct SizedText {
  char* text;
  int64_t n;
};

// A delegate of C#'s, which the runtime keeps for the length of the call. It lets no exception out.
class DelegateAllGather final : public hlm_bind::AllGather {
 public:
  typedef int32_t (*Function)(const void* own, int64_t n_own, void* all, int64_t n_all);
  void Set(Function function) { function_ = function; }
  bool Gather(const void* own, size_t n_own, void* all, size_t n_all) noexcept override {
    return function_(own, static_cast<int64_t>(n_own), all, static_cast<int64_t>(n_all)) != 0;
  }

 private:
  Function function_ = nullptr;
};
%}
%typemap(ctype) hlm_all_gather* all_gather "DelegateAllGather::Function"
%typemap(imtype) hlm_all_gather* all_gather "global::HorizonLM.Gathering.Function"
%typemap(cstype) hlm_all_gather* all_gather "global::HorizonLM.Gathering.Function"
%typemap(csin) hlm_all_gather* all_gather "$csinput"
%typemap(in) hlm_all_gather* all_gather (DelegateAllGather gather) %{
  gather.Set($input);
  $1 = &gather;
%}

%define HLM_PASS(TYPE, C, CS)
%typemap(ctype) TYPE #C
%typemap(imtype) TYPE #CS
%typemap(cstype) TYPE #CS
%typemap(csin) TYPE "$csinput"
%typemap(csout) TYPE { return $imcall; }
%enddef
%define HLM_NUMBER(TYPE, C, CS)
HLM_PASS(TYPE, C, CS)
%typemap(in) TYPE %{ $1 = ($1_ltype)$input; %}
%typemap(out) TYPE %{ $result = (C)$1; %}
%enddef
HLM_NUMBER(int32_t, int32_t, int)
HLM_NUMBER(int64_t, int64_t, long)
HLM_NUMBER(size_t, int64_t, long)
HLM_NUMBER(double, double, double)
HLM_NUMBER(void*, void*, global::System.IntPtr)

%typemap(ctype) const char* "const char*"
%typemap(imtype, out="global::System.IntPtr") const char* "byte[]"
%typemap(cstype, out="global::System.IntPtr") const char* "byte[]"
%typemap(csin) const char* "$csinput"
%typemap(csout) const char* { return $imcall; }
%typemap(in) const char* %{ $1 = const_cast<char*>($input); %}
%typemap(out) const char* %{ $result = $1; %}
%typemap(freearg) const char* ""
// A struct that could not keep a text is refused by the call that it is for.
%typemap(memberin) const char* {
  $1 = hlm_bind::KeepText(arg1, $input);
  if ($1 == nullptr && $input != nullptr) arg1->struct_size = 0;
}

%inline %{
static int32_t hlm_failure_code(void* failure) { return hlm_bind::Code(static_cast<hlm_failure*>(failure)); }
static const char* hlm_failure_message(void* failure) { return hlm_bind::Message(static_cast<hlm_failure*>(failure)); }
static void hlm_failure_free(void* failure) { hlm_bind::Free(static_cast<hlm_failure*>(failure)); }
static void hlm_text_free(void* text) { hlm_string_destroy(static_cast<char*>(text)); }
%}

%define HLM_ERROR(TYPE)
%typemap(ctype) TYPE* "void*"
%typemap(imtype) TYPE* "global::System.IntPtr"
%typemap(cstype) TYPE* "void"
%typemap(csout) TYPE* { global::HorizonLM.Failure.Check($imcall); }
%typemap(out) TYPE* %{ $result = hlm_bind::Take($1); %}
%enddef

%define HLM_HANDLE(TYPE, OUT)
%ignore TYPE##_destroy;
%ignore TYPE##_free;
%inline %{ static void TYPE##_release(void* box) { delete static_cast<hlm_bind::Box<TYPE>*>(box); } %}
HLM_PASS(TYPE*, void*, global::System.Runtime.InteropServices.SafeHandle)
HLM_PASS(const TYPE*, void*, global::System.Runtime.InteropServices.SafeHandle)
HLM_PASS(TYPE##_box*, void*, global::System.Runtime.InteropServices.SafeHandle)
%typemap(in) TYPE* (hlm_bind::Use<TYPE> use), const TYPE* (hlm_bind::Use<TYPE> use) %{
  if (hlm_failure* failure = use.Begin(static_cast<hlm_bind::Box<TYPE>*>($input))) return failure;
  $1 = use.get();
%}
%typemap(in) TYPE##_box* %{ $1 = static_cast<TYPE##_box*>($input); %}
%typemap(ctype) TYPE** OUT "void**"
%typemap(imtype) TYPE** OUT "out global::System.IntPtr"
%typemap(cstype) TYPE** OUT "out global::System.IntPtr"
%typemap(csin) TYPE** OUT "out $csinput"
%typemap(in) TYPE** OUT (TYPE* made = nullptr) %{
  *$input = nullptr;
  $1 = &made;
%}
%typemap(argout) TYPE** OUT %{
  if (made$argnum != nullptr) {
    *$input = hlm_bind::Box<TYPE>::Take(made$argnum);
    if (*$input == nullptr) return hlm_bind::NewFailure(HLM_RESOURCE_EXHAUSTED, "out of memory");
  }
%}
%enddef

%define HLM_OPTIONAL_HANDLE(TYPE, NAME)
%typemap(in) const TYPE* NAME (hlm_bind::Use<TYPE> use) %{
  $1 = nullptr;
  if ($input != nullptr) {
    if (hlm_failure* failure = use.Begin(static_cast<hlm_bind::Box<TYPE>*>($input))) return failure;
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
HLM_PASS(TYPE*, void*, global::System.IntPtr)
HLM_PASS(const TYPE*, void*, global::System.IntPtr)
%typemap(in) TYPE*, const TYPE* %{ $1 = static_cast<TYPE*>($input); %}
%typemap(out) TYPE* %{ $result = $1; %}
%enddef

%define HLM_ARRAY_AS(CTYPE, NAME, IM, CS, DATA, COUNT)
%typemap(ctype) (CTYPE* NAME, size_t n_##NAME) %{CTYPE* NAME##_data, int64_t%}
%typemap(imtype) (CTYPE* NAME, size_t n_##NAME) #IM " " #NAME "_data, long"
%typemap(cstype) (CTYPE* NAME, size_t n_##NAME) #CS
%typemap(csin) (CTYPE* NAME, size_t n_##NAME) "$csinput" #DATA ", $csinput" #COUNT
%typemap(in) (CTYPE* NAME, size_t n_##NAME) %{
  $2 = static_cast<size_t>($input);
  $1 = $2 > 0 ? ($1_ltype)NAME##_data : nullptr;
%}
%typemap(freearg) (CTYPE* NAME, size_t n_##NAME) ""
%enddef
%define HLM_ARRAY(CTYPE, NAME, CS)
HLM_ARRAY_AS(CTYPE, NAME, CS[], CS[], , ?.LongLength ?? 0)
%enddef
%define HLM_ARRAY_int32_t(CTYPE, NAME)
HLM_ARRAY(CTYPE, NAME, int)
%enddef
%define HLM_ARRAY_int64_t(CTYPE, NAME)
HLM_ARRAY(CTYPE, NAME, long)
%enddef
%define HLM_ARRAY_uint16_t(CTYPE, NAME)
HLM_ARRAY(CTYPE, NAME, ushort)
%enddef
%define HLM_ARRAY_float(CTYPE, NAME)
HLM_ARRAY(CTYPE, NAME, float)
%enddef
%define HLM_ARRAY_double(CTYPE, NAME)
HLM_ARRAY(CTYPE, NAME, double)
%enddef
// Of one of several types: pinned before.
%define HLM_ARRAY_void(CTYPE, NAME)
HLM_ARRAY_AS(CTYPE, NAME, global::System.IntPtr, global::HorizonLM.Pinned, .Address, .Bytes)
%enddef
%define HLM_BUFFER(TYPE, NAME)
HLM_ARRAY_##TYPE(const TYPE, NAME)
%enddef
%define HLM_BUFFER_OUT(TYPE, NAME)
HLM_ARRAY_##TYPE(TYPE, NAME)
%enddef

%define HLM_OUT_AS(TYPE, NAME, CS)
%typemap(ctype) TYPE* NAME "TYPE*"
%typemap(imtype) TYPE* NAME "out " #CS
%typemap(cstype) TYPE* NAME "out " #CS
%typemap(csin) TYPE* NAME "out $csinput"
%typemap(in) TYPE* NAME %{
  *$input = 0;
  $1 = $input;
%}
%enddef
%define HLM_OUT_double(NAME)
HLM_OUT_AS(double, NAME, double)
%enddef
%define HLM_OUT_int64_t(NAME)
HLM_OUT_AS(int64_t, NAME, long)
%enddef
%define HLM_OUT_int32_t(NAME)
HLM_OUT_AS(int32_t, NAME, int)
%enddef
%define HLM_OUT(TYPE, NAME)
HLM_OUT_##TYPE(NAME)
%enddef

// The members in the header's order, as double, as far as the array goes.
%define HLM_METRICS_OUT(TYPE, NAME)
%typemap(ctype) TYPE* NAME "double*"
%typemap(imtype) TYPE* NAME "[global::System.Runtime.InteropServices.In, global::System.Runtime.InteropServices.Out] double[]"
%typemap(cstype) TYPE* NAME "double[]"
%typemap(csin) TYPE* NAME "$csinput"
%typemap(in) TYPE* NAME (TYPE written = hlm_bind::EmptyMetrics()) %{ $1 = &written; %}
%typemap(argout) TYPE* NAME %{
  const hlm_bind::MetricValues all(written$argnum);
  for (int i = 0; i < all.count; ++i) $input[i] = all.values[i];
%}
%enddef

%define HLM_OUT_TEXT(NAME)
%typemap(ctype) char** NAME "void**"
%typemap(imtype) char** NAME "out global::System.IntPtr"
%typemap(cstype) char** NAME "out global::System.IntPtr"
%typemap(csin) char** NAME "out $csinput"
%typemap(in) char** NAME (char* text = nullptr) %{
  *$input = nullptr;
  $1 = &text;
%}
%typemap(argout) char** NAME %{ *$input = text$argnum; %}
%enddef

// A text that may hold zeros.
%define HLM_OUT_SIZED_TEXT(NAME)
%typemap(ctype) (char** NAME, size_t* out_n_text) "SizedText*"
%typemap(imtype) (char** NAME, size_t* out_n_text) "out global::HorizonLM.SizedText"
%typemap(cstype) (char** NAME, size_t* out_n_text) "out global::HorizonLM.SizedText"
%typemap(csin) (char** NAME, size_t* out_n_text) "out $csinput"
%typemap(in) (char** NAME, size_t* out_n_text) (char* text = nullptr, size_t n_text = 0) %{
  *$input = SizedText{};
  $1 = &text;
  $2 = &n_text;
%}
%typemap(argout) (char** NAME, size_t* out_n_text) %{ *$input = SizedText{text$argnum, static_cast<int64_t>(n_text$argnum)}; %}
%enddef
%define HLM_SIZED_TEXT(NAME)
%typemap(ctype) (const char* NAME, size_t n_##NAME) %{const char* NAME##_data, int64_t%}
%typemap(imtype) (const char* NAME, size_t n_##NAME) "byte[] " #NAME "_data, long"
%typemap(cstype) (const char* NAME, size_t n_##NAME) "byte[]"
%typemap(csin) (const char* NAME, size_t n_##NAME) "$csinput, $csinput.LongLength"
%typemap(in) (const char* NAME, size_t n_##NAME) %{
  $1 = const_cast<char*>(NAME##_data);
  $2 = static_cast<size_t>($input);
%}
%typemap(freearg) (const char* NAME, size_t n_##NAME) ""
%enddef
