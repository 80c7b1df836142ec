// How each type crosses into Java: handles and structs as long, errors as HorizonLmException, buffers as direct, native-order buffers of
// java.nio (from their position to their limit), results through arrays of one element, texts as UTF-8 in byte[] (JNI's own strings are
// "modified UTF-8", which is none). The generated class org.horizonlm.internal.Native is not for people: org.horizonlm stands on it.

%pragma(java) moduleclassmodifiers="public final class"
%pragma(java) jniclassclassmodifiers="final class"
%javaconst(1);

%insert(header) %{
#include <cstdlib>
#include <type_traits>
#include <utility>

namespace {

// Throws org.horizonlm.HorizonLmException(int code, byte[] message); frees `failure`. What cannot be thrown leaves another exception pending.
void Throw(JNIEnv* jenv, hlm_failure* failure) {
  const char* message = hlm_bind::Message(failure);
  const auto length = static_cast<jsize>(std::strlen(message));
  jclass type = jenv->FindClass("org/horizonlm/HorizonLmException");
  jmethodID make = type != nullptr ? jenv->GetMethodID(type, "<init>", "(I[B)V") : nullptr;
  jbyteArray text = make != nullptr ? jenv->NewByteArray(length) : nullptr;
  if (text != nullptr) {
    jenv->SetByteArrayRegion(text, 0, length, reinterpret_cast<const jbyte*>(message));
    auto error = static_cast<jthrowable>(jenv->NewObject(type, make, static_cast<jint>(hlm_bind::Code(failure)), text));
    if (error != nullptr) jenv->Throw(error);
  }
  hlm_bind::Free(failure);
}

void ThrowNamed(JNIEnv* jenv, const char* type_name, const char* message) {
  jclass type = jenv->FindClass(type_name);
  if (type != nullptr) jenv->ThrowNew(type, message);
}

// The UTF-8 of a byte[], ended by a 0; freed at the end of the call. Null stays NULL.
class Text {
 public:
  ~Text() { std::free(text_); }
  // False with an exception pending.
  bool Get(JNIEnv* jenv, jbyteArray bytes) {
    if (bytes == nullptr) return true;
    const jsize length = jenv->GetArrayLength(bytes);
    text_ = static_cast<char*>(std::malloc(static_cast<size_t>(length) + 1));
    if (text_ == nullptr) {
      ThrowNamed(jenv, "java/lang/OutOfMemoryError", "a text does not fit into native memory");
      return false;
    }
    jenv->GetByteArrayRegion(bytes, 0, length, reinterpret_cast<jbyte*>(text_));
    text_[length] = '\0';
    return !jenv->ExceptionCheck();
  }
  char* c_str() const { return text_; }

 private:
  char* text_ = nullptr;
};

jbyteArray NewText(JNIEnv* jenv, const char* text, size_t n_text) {
  if (text == nullptr) return nullptr;
  if (n_text > INT32_MAX) {
    ThrowNamed(jenv, "java/lang/OutOfMemoryError", "a text is larger than an array of Java's");
    return nullptr;
  }
  const auto length = static_cast<jsize>(n_text);
  jbyteArray bytes = jenv->NewByteArray(length);
  if (bytes != nullptr) jenv->SetByteArrayRegion(bytes, 0, length, reinterpret_cast<const jbyte*>(text));
  return bytes;
}

jbyteArray NewText(JNIEnv* jenv, const char* text) { return NewText(jenv, text, text != nullptr ? std::strlen(text) : 0); }

// What one of a buffer's elements counts for: 1, or its bytes where the C interface takes bytes.
template <class T>
size_t UnitOf(JNIEnv* jenv, jobject buffer) {
  if (!std::is_void_v<T>) return 1;
  const std::pair<const char*, size_t> types[] = {{"java/nio/FloatBuffer", 4}, {"java/nio/ShortBuffer", 2}};
  for (const auto& [name, bytes] : types) {
    jclass type = jenv->FindClass(name);
    const bool is = type != nullptr && jenv->IsInstanceOf(buffer, type);
    jenv->DeleteLocalRef(type);
    if (is) return bytes;
  }
  return 1;  // a ByteBuffer: org.horizonlm lets no other through
}

// A java.util.function.UnaryOperator<byte[]> that takes the own bytes and gives those of all ranks as one, or null. It keeps what it throws: here
// the exception is dropped.
class OperatorAllGather final : public hlm_bind::AllGather {
 public:
  void Set(JNIEnv* jenv, jobject operation) {
    jenv_ = jenv;
    operation_ = operation;
  }
  bool Gather(const void* own, size_t n_own, void* all, size_t n_all) noexcept override {
    jclass type = jenv_->FindClass("java/util/function/Function");
    jmethodID apply = type != nullptr ? jenv_->GetMethodID(type, "apply", "(Ljava/lang/Object;)Ljava/lang/Object;") : nullptr;
    jbyteArray bytes = apply != nullptr ? NewText(jenv_, static_cast<const char*>(own), n_own) : nullptr;
    const auto given = bytes != nullptr ? static_cast<jbyteArray>(jenv_->CallObjectMethod(operation_, apply, bytes)) : nullptr;
    if (jenv_->ExceptionCheck()) {
      jenv_->ExceptionClear();
      return false;
    }
    if (given == nullptr || static_cast<size_t>(jenv_->GetArrayLength(given)) != n_all) return false;
    jenv_->GetByteArrayRegion(given, 0, static_cast<jsize>(n_all), static_cast<jbyte*>(all));
    return true;
  }

 private:
  JNIEnv* jenv_ = nullptr;  // of the calling thread, on which it is called
  jobject operation_ = nullptr;
};

}  // namespace
%}

%typemap(jni) hlm_all_gather* all_gather "jobject"
%typemap(jtype) hlm_all_gather* all_gather "java.util.function.UnaryOperator<byte[]>"
%typemap(jstype) hlm_all_gather* all_gather "java.util.function.UnaryOperator<byte[]>"
%typemap(javain) hlm_all_gather* all_gather "$javainput"
%typemap(in) hlm_all_gather* all_gather (OperatorAllGather gather) %{
  gather.Set(jenv, $input);
  $1 = &gather;
%}

// Numbers
%define HLM_NUMBER(TYPE, JNI, JAVA)
%typemap(jni) TYPE "JNI"
%typemap(jtype) TYPE "JAVA"
%typemap(jstype) TYPE "JAVA"
%typemap(javain) TYPE "$javainput"
%typemap(javaout) TYPE { return $jnicall; }
%typemap(in) TYPE %{ $1 = (TYPE)$input; %}
%typemap(out) TYPE %{ $result = (JNI)$1; %}
%enddef
HLM_NUMBER(int32_t, jint, int)
HLM_NUMBER(int64_t, jlong, long)
HLM_NUMBER(size_t, jlong, long)

// Texts
%typemap(jni) const char* "jbyteArray"
%typemap(jtype) const char* "byte[]"
%typemap(jstype) const char* "byte[]"
%typemap(javain) const char* "$javainput"
%typemap(javaout) const char* { return $jnicall; }
%typemap(in) const char* (Text held) {
  if (!held.Get(jenv, $input)) return $null;
  $1 = held.c_str();
}
%typemap(out) const char* "$result = NewText(jenv, $1);"
%typemap(freearg) const char* ""
%typemap(memberin) const char* {
  $1 = hlm_bind::KeepText(arg1, $input);
  if ($1 == nullptr && $input != nullptr) ThrowNamed(jenv, "java/lang/OutOfMemoryError", "a text does not fit into native memory");
}

%define HLM_ERROR(TYPE)
%typemap(jni) TYPE* "void"
%typemap(jtype) TYPE* "void"
%typemap(jstype) TYPE* "void"
%typemap(javaout) TYPE* { $jnicall; }
%typemap(out) TYPE* {
  if ($1 != nullptr) {
    Throw(jenv, hlm_bind::Take($1));
    return $null;
  }
}
%enddef

%define HLM_LONG(TYPE)
%typemap(jni) TYPE "jlong"
%typemap(jtype) TYPE "long"
%typemap(jstype) TYPE "long"
%typemap(javain) TYPE "$javainput"
%typemap(javaout) TYPE { return $jnicall; }
%enddef

%define HLM_HANDLE(TYPE, OUT)
%ignore TYPE##_destroy;
HLM_LONG(TYPE*)
HLM_LONG(const TYPE*)
HLM_LONG(TYPE##_box*)
%typemap(in) TYPE* (hlm_bind::Use<TYPE> use), const TYPE* (hlm_bind::Use<TYPE> use) {
  if (hlm_failure* failure = use.Begin(reinterpret_cast<hlm_bind::Box<TYPE>*>($input))) {
    Throw(jenv, failure);
    return $null;
  }
  $1 = use.get();
}
%typemap(in) TYPE##_box* %{ $1 = reinterpret_cast<TYPE##_box*>($input); %}
%typemap(jni) TYPE** OUT "jlongArray"
%typemap(jtype) TYPE** OUT "long[]"
%typemap(jstype) TYPE** OUT "long[]"
%typemap(javain) TYPE** OUT "$javainput"
%typemap(in) TYPE** OUT (TYPE* made = nullptr) %{ $1 = &made; %}
%typemap(argout) TYPE** OUT {
  if (made$argnum != nullptr) {
    const auto box = reinterpret_cast<jlong>(hlm_bind::Box<TYPE>::Take(made$argnum));
    if (box == 0) {
      ThrowNamed(jenv, "java/lang/OutOfMemoryError", "out of native memory");
      return $null;
    }
    jenv->SetLongArrayRegion($input, 0, 1, &box);
  }
}
%enddef

%define HLM_OPTIONAL_HANDLE(TYPE, NAME)
%typemap(in) const TYPE* NAME (hlm_bind::Use<TYPE> use) {
  $1 = nullptr;
  if ($input != 0) {
    if (hlm_failure* failure = use.Begin(reinterpret_cast<hlm_bind::Box<TYPE>*>($input))) {
      Throw(jenv, failure);
      return $null;
    }
    $1 = use.get();
  }
}
%enddef

%define HLM_STRUCT(TYPE)
%ignore TYPE::struct_size;
%ignore TYPE##_init;
%ignore TYPE##_init_sized;
%extend TYPE {
  TYPE() { return hlm_bind::NewStruct<TYPE>(TYPE##_init_sized); }
  ~TYPE() { hlm_bind::DeleteStruct(self); }
}
HLM_LONG(TYPE*)
HLM_LONG(const TYPE*)
%typemap(in) TYPE*, const TYPE* %{ $1 = reinterpret_cast<TYPE*>($input); %}
%typemap(out) TYPE* {
  $result = reinterpret_cast<jlong>($1);
  if ($1 == nullptr) ThrowNamed(jenv, "java/lang/OutOfMemoryError", "out of native memory");
}
%enddef

// A slice of the buffer begins at its position; what is wrong with it was found by org.horizonlm's Buffers before.
%define HLM_DIRECT(CTYPE, NAME, JBUFFER)
%typemap(jni) (CTYPE* NAME, size_t n_##NAME) "jobject"
%typemap(jtype) (CTYPE* NAME, size_t n_##NAME) "java.nio.JBUFFER"
%typemap(jstype) (CTYPE* NAME, size_t n_##NAME) "java.nio.JBUFFER"
%typemap(javain) (CTYPE* NAME, size_t n_##NAME) "$javainput"
%typemap(in) (CTYPE* NAME, size_t n_##NAME) {
  if ($input != nullptr) {
    const jlong n = jenv->GetDirectBufferCapacity($input);  // elements
    $1 = static_cast<$1_ltype>(jenv->GetDirectBufferAddress($input));
    if (n < 0 || ($1 == nullptr && n > 0)) {
      ThrowNamed(jenv, "java/lang/IllegalArgumentException", #NAME " must be a direct buffer");
      return $null;
    }
    $2 = static_cast<size_t>(n) * UnitOf<CTYPE>(jenv, $input);
    if (n == 0) $1 = nullptr;
  } else {
    $1 = nullptr;
    $2 = 0;
  }
}
%typemap(freearg) (CTYPE* NAME, size_t n_##NAME) ""
%enddef
#define HLM_JAVA_int32_t IntBuffer
#define HLM_JAVA_int64_t LongBuffer
#define HLM_JAVA_uint16_t ShortBuffer
#define HLM_JAVA_float FloatBuffer
#define HLM_JAVA_double DoubleBuffer
#define HLM_JAVA_void Buffer
%define HLM_BUFFER(TYPE, NAME)
HLM_DIRECT(const TYPE, NAME, HLM_JAVA_##TYPE)
%enddef
%define HLM_BUFFER_OUT(TYPE, NAME)
HLM_DIRECT(TYPE, NAME, HLM_JAVA_##TYPE)
%enddef

%define HLM_OUT_ARRAY(TYPE, NAME, JNI, JAVA, KIND)
%typemap(jni) TYPE* NAME #JNI "Array"
%typemap(jtype) TYPE* NAME #JAVA "[]"
%typemap(jstype) TYPE* NAME #JAVA "[]"
%typemap(javain) TYPE* NAME "$javainput"
%typemap(in) TYPE* NAME (TYPE value = 0) %{ $1 = &value; %}
%typemap(argout) TYPE* NAME {
  const JNI out = value$argnum;
  jenv->Set##KIND##ArrayRegion($input, 0, 1, &out);
}
%enddef
%define HLM_OUT_double(NAME)
HLM_OUT_ARRAY(double, NAME, jdouble, double, Double)
%enddef
%define HLM_OUT_int64_t(NAME)
HLM_OUT_ARRAY(int64_t, NAME, jlong, long, Long)
%enddef
%define HLM_OUT_int32_t(NAME)
HLM_OUT_ARRAY(int32_t, NAME, jint, int, Int)
%enddef
%define HLM_OUT(TYPE, NAME)
HLM_OUT_##TYPE(NAME)
%enddef

// The members in the header's order, as double.
%define HLM_METRICS_OUT(TYPE, NAME)
%typemap(jni) TYPE* NAME "jdoubleArray"
%typemap(jtype) TYPE* NAME "double[]"
%typemap(jstype) TYPE* NAME "double[]"
%typemap(javain) TYPE* NAME "$javainput"
%typemap(in) TYPE* NAME (TYPE written = hlm_bind::EmptyMetrics()) %{ $1 = &written; %}
%typemap(argout) TYPE* NAME {
  const hlm_bind::MetricValues all(written$argnum);
  jenv->SetDoubleArrayRegion($input, 0, all.count, all.values);
}
%enddef

%define HLM_OUT_TEXT(NAME)
%typemap(jni) char** NAME "jobjectArray"
%typemap(jtype) char** NAME "byte[][]"
%typemap(jstype) char** NAME "byte[][]"
%typemap(javain) char** NAME "$javainput"
%typemap(in) char** NAME (char* text = nullptr) %{ $1 = &text; %}
%typemap(argout) char** NAME {
  jbyteArray bytes = NewText(jenv, text$argnum);
  hlm_string_destroy(text$argnum);
  if (bytes == nullptr) return $null;
  jenv->SetObjectArrayElement($input, 0, bytes);
}
%enddef

// A text that may hold NULs.
%define HLM_OUT_SIZED_TEXT(NAME)
%typemap(jni) (char** NAME, size_t* out_n_text) "jobjectArray"
%typemap(jtype) (char** NAME, size_t* out_n_text) "byte[][]"
%typemap(jstype) (char** NAME, size_t* out_n_text) "byte[][]"
%typemap(javain) (char** NAME, size_t* out_n_text) "$javainput"
%typemap(in) (char** NAME, size_t* out_n_text) (char* text = nullptr, size_t n_text = 0) %{
  $1 = &text;
  $2 = &n_text;
%}
%typemap(argout) (char** NAME, size_t* out_n_text) {
  jbyteArray bytes = NewText(jenv, text$argnum, n_text$argnum);
  hlm_string_destroy(text$argnum);
  if (bytes == nullptr) return $null;
  jenv->SetObjectArrayElement($input, 0, bytes);
}
%enddef
%define HLM_SIZED_TEXT(NAME)
%typemap(jni) (const char* NAME, size_t n_##NAME) "jbyteArray"
%typemap(jtype) (const char* NAME, size_t n_##NAME) "byte[]"
%typemap(jstype) (const char* NAME, size_t n_##NAME) "byte[]"
%typemap(javain) (const char* NAME, size_t n_##NAME) "$javainput"
%typemap(in) (const char* NAME, size_t n_##NAME) (Text held) {
  if (!held.Get(jenv, $input)) return $null;
  $1 = held.c_str();
  $2 = $input != nullptr ? static_cast<size_t>(jenv->GetArrayLength($input)) : 0;
}
%typemap(freearg) (const char* NAME, size_t n_##NAME) ""
%enddef
