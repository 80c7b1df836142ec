// Changes of JSON texts: of their values and names where they are JSON, and of their bytes. A seed gives the same changes every
// time.
#ifndef HORIZON_LM_TESTS_FUZZ_JSON_MUTATOR_H_
#define HORIZON_LM_TESTS_FUZZ_JSON_MUTATOR_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace hlm_test {

class JsonMutator {
 public:
  using Json = nlohmann::ordered_json;

  // `words`: strings that mean something where these texts are read.
  JsonMutator(uint64_t seed, std::vector<std::string> words) : random_(seed), words_(std::move(words)) {}

  std::string Mutate(const std::string& text) {
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded() || Below(8) == 0) return Bytes(text);
    for (size_t change = 1 + Below(4); change > 0; --change) ChangeOne(json);
    // Values that the library of this test cannot hold stand in for a word of their own.
    std::string out = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    for (size_t at; (at = out.find("\"@raw\"")) != std::string::npos;) out.replace(at, 6, kRaw[Below(std::size(kRaw))]);
    return Below(10) == 0 ? Bytes(out) : out;
  }
  // The text with one of its values far too long or too deep, for values from all over it and for the whole.
  static std::vector<std::string> Outsized(const std::string& text) {
    constexpr size_t kMostPlaces = 8;
    std::vector<std::string> all = Huge();
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) return all;
    std::vector<Json*> places;
    Collect(json, places);
    const size_t step = places.size() / kMostPlaces + 1;
    for (size_t at = 1; at < places.size(); at += step) {
      Json before = std::exchange(*places[at], "@huge");
      const std::string around = json.dump(-1, ' ', false, Json::error_handler_t::replace);
      *places[at] = std::move(before);  // moved, so that what lies in it keeps its place
      const size_t hole = around.find("\"@huge\"");
      for (const std::string& huge : Huge()) all.push_back(around.substr(0, hole) + huge + around.substr(hole + 7));
    }
    return all;
  }
  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

 private:
  static constexpr const char* kRaw[] = {"NaN",
                                         "-Infinity",
                                         "1e999",
                                         "123456789012345678901234567890",
                                         "-9223372036854775809",
                                         "1e-400",
                                         "\"a\tb\"",
                                         "\"\\ud83d\"",
                                         "-0",
                                         "18446744073709551615"};
  static constexpr const char* kTokens[] = {"{", "}",  "[",       "]",  "\"",   ":",   ",",  "null",
                                            "0", "-1", "\\u0000", "\\", "\xff", "NaN", "[[["};
  static constexpr int64_t kNumbers[] = {0, 1, -1, 2, 3, 7, 8, 64, 255, 256, 65536, 1 << 20, INT32_MAX, INT64_MAX, INT64_MIN};

  static std::vector<std::string> Huge() {
    constexpr size_t kDepth = 200'000, kBytes = size_t{8} << 20, kItems = 500'000;
    std::string objects, list = "[", members = "{";
    for (size_t i = 0; i < kDepth; ++i) objects += R"({"a":)";
    for (size_t i = 0; i < kItems; ++i) list += i == 0 ? "0" : ",0";
    for (size_t i = 0; i < kItems; ++i) members += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
    return {std::string(kDepth, '[') + std::string(kDepth, ']'),
            std::string(kDepth, '['),
            objects + "0" + std::string(kDepth, '}'),
            '"' + std::string(kBytes, 'x') + '"',
            std::string(kBytes, '9'),
            list + "]",
            members + "}"};
  }

  Json Value() {
    switch (Below(12)) {
      case 0:
        return nullptr;
      case 1:
        return true;
      case 2:
        return false;
      case 3:
      case 4:
        return kNumbers[Below(std::size(kNumbers))];
      case 5:
        return static_cast<double>(kNumbers[Below(std::size(kNumbers))]) / 3;
      case 6:
        return "";
      case 7:
        return words_[Below(words_.size())];
      case 8:
        return "@raw";
      case 9:
        return Json::array();
      case 10:
        return Json::object();
      default:
        return std::string(Below(300), 'x');
    }
  }

  // A place in the tree, any as likely as another.
  Json* Pick(Json& root) {
    std::vector<Json*> places;
    Collect(root, places);
    return places[Below(places.size())];
  }
  static void Collect(Json& value, std::vector<Json*>& places) {
    if (places.size() > 100'000) return;
    places.push_back(&value);
    if (!value.is_structured()) return;
    for (Json& item : value) Collect(item, places);
  }

  void ChangeOne(Json& root) {
    Json& place = *Pick(root);
    if (place.is_object()) {
      switch (Below(5)) {
        case 0:
          if (!place.empty()) place.erase(std::next(place.begin(), static_cast<std::ptrdiff_t>(Below(place.size()))));
          return;
        case 1:
          place[words_[Below(words_.size())]] = Value();
          return;
        case 2:
          if (!place.empty()) std::next(place.begin(), static_cast<std::ptrdiff_t>(Below(place.size()))).value() = Value();
          return;
        case 3: {  // a part of the text at another place
          const Json copy = *Pick(root);
          if (copy.dump(-1, ' ', false, Json::error_handler_t::replace).size() < 20'000)
            place[words_[Below(words_.size())]] = copy;
          return;
        }
        default:
          place = Value();
          return;
      }
    }
    if (place.is_array() && !place.empty() && Below(3) > 0) {
      const size_t at = Below(place.size());
      if (Below(2) == 0) {
        place.erase(at);
      } else if (place.size() < 1000) {
        const Json copy = place[at];
        place.push_back(copy);
      }
      return;
    }
    if (place.is_string() && Below(3) == 0) {
      place = Bytes(place.get<std::string>());
      return;
    }
    if (Below(12) == 0) {
      for (size_t depth = Below(80); depth > 0; --depth) place = Json::array({std::move(place)});
      return;
    }
    place = Value();
  }

  std::string Bytes(std::string bytes) {
    for (size_t change = 1 + Below(3); change > 0 && !bytes.empty(); --change) {
      const size_t at = Below(bytes.size()), length = std::min(bytes.size() - at, 1 + Below(16));
      switch (Below(5)) {
        case 0:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << Below(8)));
          break;
        case 1:
          bytes.erase(at, length);
          break;
        case 2:
          bytes.insert(at, bytes.substr(Below(bytes.size()), length));
          break;
        case 3:
          bytes.resize(at);
          break;
        default:
          bytes.replace(at, length, kTokens[Below(std::size(kTokens))]);
          break;
      }
    }
    return bytes;
  }

  std::mt19937_64 random_;
  std::vector<std::string> words_;
};

}  // namespace hlm_test

#endif  // HORIZON_LM_TESTS_FUZZ_JSON_MUTATOR_H_
