// What stands between a garbage-collected language and the handles of the C ABI: it makes every misuse of a handle an error.
//
// The C ABI leaves two things to its caller: not to use a handle after destroying it, and not to destroy one that is in use.
// Objects of Java, Go and Python are closed twice, used after closing and closed from another thread as a matter of course. So
// their handles are boxes: a box outlives its handle, knows how many calls are inside it, and is freed only when the language's
// object is gone.
#ifndef HORIZON_LM_BINDINGS_SWIG_HANDLES_H_
#define HORIZON_LM_BINDINGS_SWIG_HANDLES_H_

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <mutex>
#include <new>
#include <string>

#include "documents.h"
#include "horizon_lm.h"
#include "metrics.h"

// An error of the library's, or one found here. `owned` is NULL in the second case.
struct hlm_failure {
  hlm_error* owned = nullptr;
  int32_t code = HLM_OK;
  bool is_static = false;  // there was no memory for another
  char text[256] = {};
};

namespace hlm_bind {

inline hlm_failure* NewFailure(int32_t code, const char* text) noexcept {
  static hlm_failure no_memory = [] {
    hlm_failure failure;
    failure.code = HLM_RESOURCE_EXHAUSTED;
    failure.is_static = true;
    std::snprintf(failure.text, sizeof(failure.text), "out of memory");
    return failure;
  }();
  auto* failure = new (std::nothrow) hlm_failure;
  if (failure == nullptr) return &no_memory;
  failure->code = code;
  std::snprintf(failure->text, sizeof(failure->text), "%s", text);
  return failure;
}

// Takes `error`, which may be NULL: no failure then.
inline hlm_failure* Take(hlm_error* error) noexcept {
  if (error == nullptr) return nullptr;
  hlm_failure* failure = NewFailure(hlm_error_code(error), "");
  if (failure->is_static) {
    hlm_error_destroy(error);
  } else {
    failure->owned = error;
  }
  return failure;
}
inline hlm_failure* Take(hlm_failure* failure) noexcept { return failure; }

inline int32_t Code(const hlm_failure* failure) noexcept { return failure->code; }
inline const char* Message(const hlm_failure* failure) noexcept {
  return failure->owned != nullptr ? hlm_error_message(failure->owned) : failure->text;
}
inline void Free(hlm_failure* failure) noexcept {
  if (failure == nullptr || failure->is_static) return;
  hlm_error_destroy(failure->owned);
  delete failure;
}

// What a language calls a handle that is not there.
#ifndef HLM_BIND_NULL
#define HLM_BIND_NULL "null"
#endif

// ---- Boxes ----------------------------------------------------------------------------------------------------------

template <class T>
struct Kind;
#define HLM_BIND_KIND(type, word)                                          \
  template <>                                                              \
  struct Kind<type> {                                                      \
    static constexpr const char* kWord = word;                             \
    static void Destroy(type* handle) noexcept { type##_destroy(handle); } \
  }
HLM_BIND_KIND(hlm_model, "model");
HLM_BIND_KIND(hlm_plan, "plan");
HLM_BIND_KIND(hlm_group, "group");
HLM_BIND_KIND(hlm_trainer, "trainer");
HLM_BIND_KIND(hlm_optimizer, "optimizer");
HLM_BIND_KIND(hlm_tokenizer, "tokenizer");
HLM_BIND_KIND(hlm_decoder, "decoder");
HLM_BIND_KIND(hlm_template, "template");
HLM_BIND_KIND(hlm_dataset, "dataset");
HLM_BIND_KIND(hlm_documents, "documents");
HLM_BIND_KIND(hlm_weights, "weights");
#undef HLM_BIND_KIND

template <class T>
class Box {
 public:
  // NULL where there is no memory: the handle is destroyed then.
  static Box* Take(T* handle) noexcept {
    Box* box = new (std::nothrow) Box(handle);
    if (box == nullptr) Kind<T>::Destroy(handle);
    return box;
  }
  // The language's object is gone, so that no call can be inside.
  ~Box() { Kind<T>::Destroy(handle_); }

  // NULL where the handle is closed.
  T* Enter() noexcept {
    std::lock_guard<std::mutex> lock(mutex_);
    if (handle_ != nullptr) ++inside_;
    return handle_;
  }
  void Leave() noexcept {
    std::lock_guard<std::mutex> lock(mutex_);
    --inside_;
  }

  // Closing twice is legal. FAILED_PRECONDITION while another thread is inside.
  hlm_failure* Close() noexcept {
    T* handle = nullptr;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (inside_ > 0) {
        char text[160];
        std::snprintf(text, sizeof(text), "the %s is in use by another thread: let its call end%s before closing", Kind<T>::kWord,
                      std::strcmp(Kind<T>::kWord, "trainer") == 0 ? " (cancel asks it to)" : "");
        return NewFailure(HLM_FAILED_PRECONDITION, text);
      }
      handle = handle_;
      handle_ = nullptr;
    }
    Kind<T>::Destroy(handle);
    return nullptr;
  }

  bool closed() noexcept {
    std::lock_guard<std::mutex> lock(mutex_);
    return handle_ == nullptr;
  }

 private:
  explicit Box(T* handle) : handle_(handle) {}
  std::mutex mutex_;
  T* handle_;
  int inside_ = 0;
};

template <class T>
hlm_failure* NoBox() noexcept {
  char text[64];
  std::snprintf(text, sizeof(text), "the %s is " HLM_BIND_NULL, Kind<T>::kWord);
  return NewFailure(HLM_INVALID_ARGUMENT, text);
}

// One call's stay in a box.
template <class T>
class Use {
 public:
  Use() = default;
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() {
    if (handle_ != nullptr) box_->Leave();
  }
  // NULL for success.
  hlm_failure* Begin(Box<T>* box) noexcept {
    if (box == nullptr) return NoBox<T>();
    char text[64];
    box_ = box;
    handle_ = box->Enter();
    if (handle_ != nullptr) return nullptr;
    std::snprintf(text, sizeof(text), "the %s is closed", Kind<T>::kWord);
    return NewFailure(HLM_FAILED_PRECONDITION, text);
  }
  T* get() const { return handle_; }

 private:
  Box<T>* box_ = nullptr;
  T* handle_ = nullptr;
};

// ---- Structs of the ABI -----------------------------------------------------------------------------------------------

// A struct with the texts that its members point to: the struct of the ABI borrows them.
template <class T>
struct Struct : T {
  std::deque<std::string> texts;
};

template <class T>
T* NewStruct(void (*init_sized)(T*, size_t)) noexcept {
  try {
    auto* own = new Struct<T>();
    init_sized(own, sizeof(T));
    return own;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
template <class T>
void DeleteStruct(T* given) noexcept {
  delete static_cast<Struct<T>*>(given);
}

// A copy of `text` that lives as long as the struct does; NULL stays NULL. NULL for a text: no memory.
template <class T>
const char* KeepText(T* given, const char* text) noexcept {
  if (text == nullptr) return nullptr;
  try {
    auto* own = static_cast<Struct<T>*>(given);
    own->texts.emplace_back(text);
    return own->texts.back().c_str();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace hlm_bind

#endif  // HORIZON_LM_BINDINGS_SWIG_HANDLES_H_
