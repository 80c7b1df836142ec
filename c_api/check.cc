#include "c_api/check.h"

#include <cmath>

namespace hlm::capi {

void NotNull(const void* pointer, const char* name) {
  if (pointer == nullptr) throw InvalidArgument(name, " is NULL");
}

std::string NotEmpty(const char* text, const char* name) {
  NotNull(text, name);
  if (*text == '\0') throw InvalidArgument(name, " is empty");
  return text;
}

void CheckBuffer(const void* data, size_t n, size_t element_bytes, const char* name) {
  if (data == nullptr && n != 0) throw InvalidArgument(name, " is NULL, but n_", name, " is ", n);
  if (n > static_cast<size_t>(PTRDIFF_MAX) / element_bytes) {
    throw InvalidArgument("n_", name, " is ", n, "; no buffer has more than ", static_cast<size_t>(PTRDIFF_MAX) / element_bytes,
                          " elements of ", element_bytes, " bytes");
  }
  if (reinterpret_cast<uintptr_t>(data) % element_bytes != 0) {
    throw InvalidArgument(name, " is at address ", data, ", not a multiple of its elements' ", element_bytes, " bytes");
  }
}

void CheckEnum(int32_t value, const char* name, std::initializer_list<Choice> choices) {
  std::string legal;
  for (const Choice& choice : choices) {
    if (choice.value == value) return;
    legal += StrCat(legal.empty() ? "" : ", ", choice.value, " (", choice.name, ")");
  }
  throw InvalidArgument(name, " is ", value, "; legal are ", legal);
}

bool ReadBool(int64_t value, const char* name) {
  if (value != 0 && value != 1) throw InvalidArgument(name, " is ", value, "; legal are 0 and 1");
  return value == 1;
}

DType ReadDType(int32_t value, const char* name, std::initializer_list<Choice> choices) {
  CheckEnum(value, name, choices);
  return static_cast<DType>(value);
}

void CheckAtLeast(int64_t value, int64_t least, const char* name) {
  if (value < least) throw InvalidArgument(name, " is ", value, "; it must be at least ", least);
}

void CheckOptimizer(const OptimizerOptions& o) {
  if (!(o.beta1 >= 0 && o.beta1 < 1)) throw InvalidArgument("beta1 is ", o.beta1, "; it must lie in [0, 1)");
  if (!(o.beta2 >= 0 && o.beta2 < 1)) throw InvalidArgument("beta2 is ", o.beta2, "; it must lie in [0, 1)");
  if (!(o.eps > 0 && std::isfinite(o.eps))) throw InvalidArgument("eps is ", o.eps, "; it must be finite and above 0");
  if (!(o.weight_decay >= 0 && std::isfinite(o.weight_decay))) {
    throw InvalidArgument("weight_decay is ", o.weight_decay, "; it must be finite and not negative");
  }
}

void CheckStructSize(const char* name, size_t given, size_t first, size_t own) {
  if (given < first) {
    throw InvalidArgument(name, ".struct_size is ", given, "; the first version has ", first, " bytes (was ", name,
                          "_init called?)");
  }
  if (given > kLargestStruct) {
    throw InvalidArgument(name, ".struct_size is ", given, "; this library's has ", own, " bytes (was ", name, "_init called?)");
  }
}

void CheckUnknownTail(const char* name, const void* data, size_t given, size_t own) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (size_t i = own; i < given; ++i) {
    if (bytes[i] != 0) {
      throw InvalidArgument(name, " of ", given, " bytes sets byte ", i, ", which this library (", HLM_VERSION, ", ", own,
                            " bytes) does not know");
    }
  }
}

}  // namespace hlm::capi
