#include "core/template/json.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/base/error.h"

namespace hlm::jinja {
namespace {

constexpr int kMaxDepth = 64;

// Values from the parser's events; there is no tree of nlohmann's own, whose destructor allocates.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(const std::string& where) : where_(where) {}

  Value Take() { return std::move(root_); }

  bool null() override { return Add(Value::None()); }
  bool boolean(bool value) override { return Add(Value::Bool(value)); }
  bool number_integer(int64_t value) override { return Add(Value::Int(value)); }
  bool number_unsigned(uint64_t value) override {
    if (value > static_cast<uint64_t>(INT64_MAX)) TooLarge(std::to_string(value));
    return Add(Value::Int(static_cast<int64_t>(value)));
  }
  bool number_float(double value, const std::string& text) override {
    if (text.find_first_of(".eE") == std::string::npos) TooLarge(text);
    return Add(Value::Float(value));
  }
  bool string(std::string& value) override { return Add(Value::String(std::move(value))); }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(true); }
  bool key(std::string& name) override {
    open_.back().key = std::move(name);
    return true;
  }
  bool end_object() override { return Close(); }
  bool start_array(size_t) override { return Open(false); }
  bool end_array() override { return Close(); }
  bool parse_error(size_t byte, const std::string&, const nlohmann::json::exception& error) override {
    if (std::string_view(error.what()).find("surrogate") != std::string_view::npos) {
      throw InvalidArgument(where_, ": half of a surrogate pair (\\ud800 to \\udfff) at byte ", byte, "; no text can hold it");
    }
    if (dynamic_cast<const nlohmann::json::parse_error*>(&error) == nullptr) {
      throw InvalidArgument(where_, ": holds a number that is out of range");
    }
    throw InvalidArgument(where_, ": not valid JSON at byte ", byte);
  }

 private:
  struct Level {
    bool object;
    Dict dict;
    std::vector<Value> items;
    std::string key;
  };

  [[noreturn]] void TooLarge(const std::string& text) const {
    throw InvalidArgument(where_, ": the whole number ", text.substr(0, 40), " needs more than 64 bits; as a string it would be kept");
  }
  bool Add(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().object) {
      open_.back().dict.Set(std::string_view(open_.back().key), std::move(value));
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }
  bool Open(bool object) {
    if (open_.size() >= kMaxDepth) throw InvalidArgument(where_, ": JSON nested deeper than ", kMaxDepth, " levels");
    open_.push_back({object, {}, {}, {}});
    return true;
  }
  bool Close() {
    Level level = std::move(open_.back());
    open_.pop_back();
    return Add(level.object ? MakeDict(std::move(level.dict)) : MakeList(std::move(level.items)));
  }

  const std::string& where_;
  Value root_;
  std::vector<Level> open_;
};

}  // namespace

Value ParseJsonValue(std::string_view text, const std::string& where) {
  // nlohmann's lexer takes a NUL for the end of the text.
  const size_t nul = text.find('\0');
  if (nul != std::string_view::npos) throw InvalidArgument(where, ": not valid JSON at byte ", nul + 1, ", a NUL");
  Builder builder(where);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return builder.Take();
}

Value WithSource(const Value& value, Source source) {
  switch (value.kind()) {
    case Value::Kind::kText: return Value::String(Text(std::string(value.text().bytes()), source, value.text().safe()));
    case Value::Kind::kDict: {
      Dict dict;
      dict.message = value.dict().message;
      for (const auto& [key, member] : value.dict().entries()) dict.Set(WithSource(key, source), WithSource(member, source));
      return MakeDict(std::move(dict));
    }
    case Value::Kind::kSequence: {
      std::vector<Value> items;
      for (const Value& item : value.sequence().items) items.push_back(WithSource(item, source));
      return MakeSequence(value.sequence().flavor, std::move(items));
    }
    default: return value;
  }
}

}  // namespace hlm::jinja
