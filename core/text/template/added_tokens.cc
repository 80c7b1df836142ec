#include "core/text/template/added_tokens.h"

#include <nlohmann/json.hpp>

#include "core/base/error.h"

namespace hlm {
namespace {

// Keeps "id" and "content" of the objects in the outermost "added_tokens"; the vocabulary and the merges pass by.
class Reader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Reader(const std::string& where) : where_(where) {}
  std::vector<std::pair<int64_t, std::string>> Take() { return std::move(tokens_); }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(int64_t) override { return true; }
  bool number_unsigned(uint64_t value) override {
    if (InToken() && key_ == "id") tokens_.back().first = static_cast<int64_t>(value);
    return true;
  }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string& value) override {
    if (InToken() && key_ == "content") tokens_.back().second = std::move(value);
    return true;
  }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(size_t) override {
    if (inside_ && depth_ == 2) tokens_.emplace_back(-1, "");
    return Enter();
  }
  bool key(std::string& name) override {
    if (depth_ == 1) inside_ = name == "added_tokens";
    if (InToken()) key_ = name;
    return true;
  }
  bool end_object() override { return Leave(); }
  bool start_array(size_t) override { return Enter(); }
  bool end_array() override { return Leave(); }
  bool parse_error(size_t byte, const std::string&, const nlohmann::json::exception&) override {
    throw InvalidArgument(where_, ": not valid JSON at byte ", byte);
  }

 private:
  bool InToken() const { return inside_ && depth_ == 3; }
  bool Enter() {
    if (++depth_ > 64) throw InvalidArgument(where_, ": JSON nested deeper than 64 levels");
    return true;
  }
  bool Leave() {
    --depth_;
    return true;
  }

  const std::string& where_;
  int depth_ = 0;
  bool inside_ = false;
  std::string key_;
  std::vector<std::pair<int64_t, std::string>> tokens_;
};

}  // namespace

std::vector<std::pair<int64_t, std::string>> ReadAddedTokens(std::string_view tokenizer_json, const std::string& where) {
  Reader reader(where);
  nlohmann::json::sax_parse(tokenizer_json.begin(), tokenizer_json.end(), &reader);
  return reader.Take();
}

}  // namespace hlm
