#include "core/io/json_text.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <new>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/base/c_locale.h"
#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/io/json_literals.h"

namespace hlm {
namespace {

// Counts brackets outside strings. It runs before the parser, so nothing recursive ever sees deep text.
void CheckDepth(std::string_view text, const std::string& where) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxJsonDepth) {
        throw InvalidArgument(where, ": JSON nested deeper than ", kMaxJsonDepth, " levels at byte ", i);
      }
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
}

// nlohmann's lexer takes a NUL for the end of the text: what lies behind it would go unread. JSON has no place for one.
void CheckNoNul(std::string_view text, const std::string& where) {
  const size_t at = text.find('\0');
  if (at != std::string_view::npos) throw InvalidArgument(where, ": not valid JSON at byte ", at + 1, ", a NUL");
}

// Values from the parser's events. nlohmann's own tree is not used: its destructor allocates, and so it ends the process where
// memory runs out while a text is parsed.
class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  // `literals`: what was taken out of the text.
  TreeBuilder(const std::string& where, bool unique_keys, FoundLiterals& literals)
      : where_(where), unique_keys_(unique_keys), literals_(literals) {}

  JsonValue Take() { return std::move(root_); }

  bool null() override { return Add(JsonValue()); }
  bool boolean(bool value) override { return Add(JsonValue(value)); }
  bool number_integer(int64_t value) override { return AddOr(literals_.numbers, number_++, JsonValue(value)); }
  bool number_unsigned(uint64_t value) override { return AddOr(literals_.numbers, number_++, JsonValue(value)); }
  bool number_float(double value, const std::string& text) override {
    ++number_;
    if (text.find_first_of(".eE") != std::string::npos) return Add(JsonValue(value));
    return Add(JsonValue(JsonLiteral{JsonLiteral::Why::kLongWhole, text}));
  }
  bool string(std::string& value) override { return AddOr(literals_.strings, string_++, JsonValue(std::move(value))); }
  bool binary(nlohmann::json::binary_t&) override { return false; }  // only formats that are not text have it

  bool start_object(size_t) override { return Open(JsonValue(JsonValue::Object())); }
  bool key(std::string& name) override {
    ++string_;
    open_.back()->Members().push_back({std::move(name), JsonValue()});
    return true;
  }
  bool end_object() override {
    ReduceEqualKeys(open_.back()->Members());
    open_.pop_back();
    return true;
  }
  bool start_array(size_t) override { return Open(JsonValue(JsonValue::Array())); }
  bool end_array() override {
    open_.pop_back();
    return true;
  }
  bool parse_error(size_t byte, const std::string&, const nlohmann::json::exception& error) override {
    if (std::string_view(error.what()).find("surrogate") != std::string_view::npos) {
      throw InvalidArgument(where_, ": not valid JSON at byte ", byte,
                            ": half of a surrogate pair, which stands for no character");
    }
    if (dynamic_cast<const nlohmann::json::parse_error*>(&error) == nullptr) {
      throw InvalidArgument(where_, ": holds a number that is out of range");
    }
    throw InvalidArgument(where_, ": not valid JSON at byte ", byte);
  }

 private:
  JsonValue* Place(JsonValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    JsonValue& parent = *open_.back();
    if (parent.IsArray()) {
      parent.Items().push_back(std::move(value));
      return &parent.Items().back();
    }
    JsonValue& member = parent.Members().back().value;
    member = std::move(value);
    return &member;
  }
  bool Add(JsonValue value) {
    Place(std::move(value));
    return true;
  }
  bool AddOr(std::map<int64_t, JsonLiteral>& taken, int64_t place, JsonValue value) {
    if (taken.empty()) return Add(std::move(value));
    const auto literal = taken.find(place);
    return Add(literal == taken.end() ? std::move(value) : JsonValue(std::move(literal->second)));
  }
  // Nothing is added to a parent while a child is open, so its address stays.
  bool Open(JsonValue value) {
    open_.push_back(Place(std::move(value)));
    return true;
  }

  // The last of equal keys, at the place of the first; in O(n log n), as a hostile text may have millions of them.
  void ReduceEqualKeys(JsonValue::Object& members) const {
    if (members.size() < 2) return;
    std::vector<size_t> order(members.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      const int names = members[a].name.compare(members[b].name);
      return names != 0 ? names < 0 : a < b;
    });
    std::vector<bool> dropped;
    for (size_t i = 0; i < order.size();) {
      size_t end = i + 1;
      while (end < order.size() && members[order[end]].name == members[order[i]].name) ++end;
      if (end > i + 1) {
        if (unique_keys_ && open_.size() == 1) {
          throw InvalidArgument(where_, ": the name ", Printable(members[order[i]].name), " appears twice");
        }
        dropped.resize(members.size());
        members[order[i]].value = std::move(members[order[end - 1]].value);
        for (size_t k = i + 1; k < end; ++k) dropped[order[k]] = true;
      }
      i = end;
    }
    if (dropped.empty()) return;
    size_t kept = 0;
    for (size_t i = 0; i < members.size(); ++i) {
      if (dropped[i]) continue;
      if (kept != i) members[kept] = std::move(members[i]);
      ++kept;
    }
    members.erase(members.begin() + static_cast<int64_t>(kept), members.end());
  }

  const std::string& where_;
  const bool unique_keys_;
  FoundLiterals& literals_;
  int64_t number_ = 0, string_ = 0;  // of the text so far
  JsonValue root_;
  std::vector<JsonValue*> open_;  // objects and arrays, the innermost last
};

}  // namespace

namespace {

JsonValue Build(std::string_view text, const std::string& where, bool unique_keys, FoundLiterals& literals) {
  TreeBuilder builder(where, unique_keys, literals);
  const CLocale point;  // nlohmann reads numbers, and hands them on, as the locale writes them
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return builder.Take();
}

JsonValue Parse(std::string_view text, const std::string& where, bool unique_keys, bool strings) {
  CheckNoNul(text, where);
  CheckDepth(text, where);
  FoundLiterals literals;
  try {
    try {
      return Build(text, where, unique_keys, literals);
    } catch (const Error&) {
      // Few texts have anything else to hold against them than what they are: only those are gone through a second time.
      literals = FindLiterals(text, strings);
      if (literals.numbers.empty() && literals.strings.empty()) throw;
    }
    const std::string plain = std::move(literals.text);
    return Build(plain, where, unique_keys, literals);
  } catch (const std::bad_alloc&) {
    throw ResourceExhausted(where, ": no memory to parse ", text.size(), " bytes of JSON");
  }
}

}  // namespace

JsonValue ParseJson(std::string_view text, const std::string& where, bool unique_keys) {
  return Parse(text, where, unique_keys, false);
}
JsonValue ParseJsonObject(std::string_view text, const std::string& where) {
  JsonValue value = ParseJson(text, where);
  if (!value.IsObject()) throw InvalidArgument(where, ": must be a JSON object, found ", value.KindName());
  return value;
}

JsonValue ParseJsonRecord(std::string_view text, const std::string& where) { return Parse(text, where, true, true); }

JsonValue ParseJsonOrNull(std::string_view text) {
  try {
    return ParseJson(text, "JSON");
  } catch (const Error& error) {
    if (error.code() != Code::kInvalidArgument) throw;
    return JsonValue();
  }
}

std::string Printable(std::string_view text, size_t longest) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t length = Utf8SequenceLength(text.substr(at));
    if (out.size() + length > longest) return out + "...";
    const bool control = length == 1 && (text[at] < 0x20 || text[at] == 0x7f);
    if (length == 0 || control) {
      out += '?';
    } else {
      out += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return out;
}

std::string PrintablePath(const std::string& path) { return Printable(path, path.size()); }

std::string PrintableJson(const JsonValue& value) {
  JsonWriter json;
  value.Write(json);
  return Printable(json.text());
}

}  // namespace hlm
