#include "core/plan/numerics.h"

#include <cstdio>
#include <type_traits>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/plan/numerics_fields.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

const char* MasterName(const Numerics& n) { return n.compute == DType::kF32 ? "f32" : n.remainder ? "split" : "none"; }
const char* Exactness(const Numerics& n) {
  if (n.compute == DType::kBF16 && !n.remainder) return "weights rounded";
  return n.states == StateType::kF32 ? "exact" : "moments rounded";
}

Numerics ChooseNumerics(const Plan& plan, const MachineSpec& machine) {
  const PlanOptions& o = plan.options;
  Numerics n;
  n.compute = o.compute;
  n.micro_batch_tokens = plan.micro_tokens;
  n.head_chunk = o.head_chunk;
  n.grad_dtype = *o.grad_dtype;
  n.reduction_groups = o.reduction_groups;
  n.algorithm = o.optimizer;
  n.states = o.states;
  n.remainder = o.compute == DType::kBF16 && o.remainder;
  n.threads = o.threads;
  n.libraries = machine.libraries;
  n.train_pad_row = o.train_pad_row;
  n.router = plan.router;
  n.trained = plan.trained.identity();
  return n;
}

void AdoptNumerics(const Numerics& match, PlanOptions& options) {
  const bool rows = options.seq_len > 0 && match.micro_batch_tokens > 0 && match.micro_batch_tokens % options.seq_len == 0;
  if (options.micro_batch == 0 && rows) options.micro_batch = match.micro_batch_tokens / options.seq_len;
  if (options.sweeps == 0) options.sweeps = match.sweeps;
  if (options.reduction_groups == 0) options.reduction_groups = match.reduction_groups;
  if (options.balance < 0 && match.router.balance > 0) options.balance = match.router.balance;
  if (options.head_chunk == 0) options.head_chunk = match.head_chunk;
  if (!options.grad_dtype && match.compute == options.compute) options.grad_dtype = match.grad_dtype;
  if (options.threads == 0) options.threads = match.threads;
  options.train_pad_row = options.train_pad_row || match.train_pad_row;
  if (!options.update_path && !match.optimizer.empty()) {
    options.update_path = match.optimizer.rfind(Name(UpdatePath::kOneDnn), 0) == 0 ? UpdatePath::kOneDnn : UpdatePath::kFused;
  }
}

namespace {

class Writer {
 public:
  explicit Writer(JsonWriter& json) : json_(json) {}
  template <class T, class... Choices>
  void Field(const char* key, const T& value, const Choices&...) {
    if constexpr (std::is_enum_v<T>) {
      json_.Member(key, Name(value));
    } else {
      json_.Member(key, value);
    }
  }
  template <class T, class... Choices>
  void LaterField(const char* key, const Later<T>& later, const T& value, const Choices&...) {
    if (value != later.unset) Field(key, value);
  }
  void Master(const char* key, const Numerics& n) { json_.Member(key, MasterName(n)); }

 private:
  JsonWriter& json_;
};

class Reader {
 public:
  explicit Reader(const JsonValue& object) : object_(object) {}
  template <class T, class... Choices>
  void Field(const char* key, T& to, const Choices&... choices) const {
    const JsonValue* value = object_.Find(key);
    if (value == nullptr) return;
    if constexpr (std::is_enum_v<T>) {
      const std::string name = Words(key, *value);
      const auto take = [&](const T& one) {
        if (name == Name(one)) to = one;
        return name == Name(one);
      };
      if (!name.empty() && !(take(choices) || ...))
        throw InvalidArgument(kWhere, key, " is ", Printable(name), ", which is unknown");
    } else if constexpr (std::is_same_v<T, std::string>) {
      to = Words(key, *value);
    } else if constexpr (std::is_same_v<T, bool>) {
      if (!value->IsBool()) Refuse(key, *value, "true or false");
      to = value->Bool();
    } else if constexpr (std::is_same_v<T, double>) {
      if (!value->IsNumber() || !(value->Number() >= 0)) Refuse(key, *value, "a number from 0 on");
      to = value->Number();
    } else {
      if (!value->Int() || *value->Int() < 0) Refuse(key, *value, "a whole number from 0 on");
      to = *value->Int();
    }
  }
  template <class T, class... Choices>
  void LaterField(const char* key, const Later<T>&, T& to, const Choices&... choices) const {
    Field(key, to, choices...);
  }
  void Master(const char* key, Numerics& n) const {
    std::string name;
    Field(key, name);
    n.remainder = name == "split";
  }

 private:
  static constexpr const char* kWhere = "numerics_json: ";
  [[noreturn]] static void Refuse(const char* key, const JsonValue& value, const char* wanted) {
    throw InvalidArgument(kWhere, key, " is ", PrintableJson(value), "; it must be ", wanted);
  }
  static std::string Words(const char* key, const JsonValue& value) {
    if (!value.IsString()) Refuse(key, value, "a string");
    return value.String();
  }
  const JsonValue& object_;
};

// "bf16|1|4096|...": values in the list's order; of fields that came later those that are set, with their labels.
class HashText {
 public:
  template <class T, class... Choices>
  void Field(const char*, const T& value, const Choices&...) {
    Add("", value);
  }
  template <class T, class... Choices>
  void LaterField(const char*, const Later<T>& later, const T& value, const Choices&...) {
    if (value != later.unset) Add(later.label, value);
  }
  void Master(const char*, const Numerics& n) { text_ += StrCat("|", n.remainder); }
  const std::string& text() const { return text_; }

 private:
  template <class T>
  void Add(const char* label, const T& value) {
    if (!text_.empty()) text_ += "|";
    text_ += label;
    if constexpr (std::is_enum_v<T>) {
      text_ += Name(value);
    } else if constexpr (!std::is_same_v<T, bool>) {  // a flag is its label
      text_ += StrCat(value);
    }
  }
  std::string text_;
};

}  // namespace

Numerics ParseNumerics(const std::string& text) {
  const JsonValue json = ParseJson(text, "numerics_json");
  if (!json.IsObject()) throw InvalidArgument("numerics_json is ", PrintableJson(json), "; it must be an object");
  Numerics n;
  const Reader reader(json);
  VisitFields(reader, n);
  reader.Field("hash", n.hash);
  return n;
}

void WriteNumerics(const Numerics& n, JsonWriter& json) {
  json.BeginObject();
  Writer writer(json);
  VisitFields(writer, n);
  writer.Field("hash", n.hash);
  json.EndObject();
}

std::string NumericsJson(const Numerics& numerics) {
  JsonWriter json;
  WriteNumerics(numerics, json);
  return json.Take();
}

std::string HashNumerics(const Numerics& n) {
  HashText hash;
  VisitFields(hash, n);
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(hash.text().data(), hash.text().size())));
  return digits;
}

}  // namespace hlm
