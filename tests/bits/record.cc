#include "tests/bits/record.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

namespace hlm_bits {
namespace {

// "<case> <item>" and its value.
std::map<std::string, std::string> ReadRecord(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + " cannot be read");
  std::map<std::string, std::string> lines;
  for (std::string line; std::getline(file, line);) {
    const size_t item = line.find(' ');
    const size_t value = item == std::string::npos ? item : line.find(' ', item + 1);
    if (value == std::string::npos) throw std::runtime_error(path + ": not a line of a record: " + line);
    lines[line.substr(0, value)] = line.substr(value + 1);
  }
  return lines;
}

std::string CaseOf(const std::string& key) { return key.substr(0, key.find(' ')); }
std::string ItemOf(const std::string& key) { return key.substr(key.find(' ') + 1); }

}  // namespace

Digest::Digest() : state_(XXH3_createState()) { XXH3_64bits_reset(static_cast<XXH3_state_t*>(state_)); }
Digest::~Digest() { XXH3_freeState(static_cast<XXH3_state_t*>(state_)); }

Digest& Digest::Bytes(const void* data, size_t size) {
  XXH3_64bits_update(static_cast<XXH3_state_t*>(state_), data, size);
  return *this;
}

std::string Digest::Hex() const {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx",
                static_cast<unsigned long long>(XXH3_64bits_digest(static_cast<const XXH3_state_t*>(state_))));
  return digits;
}

void Record::Run(const std::string& name, const std::function<void(Case&)>& body) {
  if (name.find(only_) == std::string::npos) return;
  Case one(*this, name);
  try {
    body(one);
  } catch (const std::exception& error) {
    one.PutText("error", error.what());
  }
}

std::string Record::Text() const {
  std::string text;
  for (const auto& [key, value] : lines_) text += key + " " + value + "\n";
  return text;
}

void Case::PutText(const std::string& item, const std::string& value) {
  std::string line = value;
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  if (!record_.lines_.emplace(name_ + " " + item, line).second) throw std::logic_error(name_ + " has two items " + item);
}

std::string Case::LikeNumerics() const {
  const auto found = record_.like_.find(name_);
  return found == record_.like_.end() ? "" : found->second;
}

std::map<std::string, std::string> ReadNumerics(const std::string& path) {
  std::map<std::string, std::string> numerics;
  for (const auto& [key, value] : ReadRecord(path)) {
    if (ItemOf(key) == "numerics") numerics[CaseOf(key)] = value;
  }
  return numerics;
}

namespace {

// The keys whose values differ in two numerics.
std::set<std::string> DifferingKeys(const std::string& before, const std::string& after) {
  const auto a = nlohmann::json::parse(before), b = nlohmann::json::parse(after);
  std::set<std::string> keys;
  for (const auto* side : {&a, &b}) {
    for (const auto& item : side->items()) {
      if (a.value(item.key(), nlohmann::json()) != b.value(item.key(), nlohmann::json())) keys.insert(item.key());
    }
  }
  return keys;
}

// "key: reason", a line each; "#" begins a comment.
std::map<std::string, std::string> ReadReasons(const std::string& path) {
  std::map<std::string, std::string> reasons;
  if (path.empty()) return reasons;
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + " cannot be read");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) throw std::runtime_error(path + ": no key with a reason: " + line);
    reasons[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return reasons;
}

// Says by key of the numerics in how many cases it differs, and why that may be. The cases that have a key which explains their results.
std::set<std::string> ExplainNumerics(const std::map<std::string, std::string>& before,
                                      const std::map<std::string, std::string>& after, const std::set<std::string>& cases,
                                      const std::map<std::string, std::string>& reasons) {
  std::map<std::string, int> counts;
  std::set<std::string> explained;
  for (const std::string& name : cases) {
    for (const std::string& key : DifferingKeys(before.at(name + " numerics"), after.at(name + " numerics"))) {
      ++counts[key];
      if (reasons.contains(key)) explained.insert(name);
    }
  }
  for (const auto& [key, count] : counts) {
    const bool aside = !reasons.contains(key) && reasons.contains("(" + key + ")");
    const auto found = reasons.find(aside ? "(" + key + ")" : key);
    std::cout << "numerics: " << key << " differs in " << count
              << " cases: " << (found == reasons.end() ? "no reason is given" : found->second)
              << (aside ? " (explains no result)" : "") << "\n";
  }
  return explained;
}

}  // namespace

int Compare(const std::string& before_path, const std::string& after_path, const std::string& reasons_path) {
  const auto before = ReadRecord(before_path), after = ReadRecord(after_path);
  std::map<std::string, std::set<std::string>> differ;  // a case's items
  std::set<std::string> numerics, taken, refused;
  size_t same = 0, gone = 0, added = 0;
  for (const auto& [key, value] : before) {
    const auto now = after.find(key);
    const std::string name = CaseOf(key), item = ItemOf(key);
    if (item == "error") {
      if (now == after.end() && after.contains(name + " numerics")) taken.insert(name);
    } else if (now == after.end()) {
      if (after.contains(name + " error")) {
        refused.insert(name);
      } else {
        ++gone;
      }
    } else if (now->second == value) {
      ++same;
    } else if (item == "numerics") {
      numerics.insert(name);
    } else {
      differ[name].insert(item);
    }
  }
  for (const auto& [key, value] : after) added += !before.contains(key);

  const std::set<std::string> explained = ExplainNumerics(before, after, numerics, ReadReasons(reasons_path));
  size_t unexplained = 0;
  for (const auto& [name, items] : differ) {
    unexplained += !explained.contains(name);
    std::cout << (explained.contains(name) ? "differs with its numerics: " : "differs: ") << name << ":";
    for (const std::string& item : items) std::cout << " " << item;
    std::cout << (numerics.contains(name) ? " (its numerics differ as well)" : "") << "\n";
  }
  for (const std::string& name : refused) std::cout << "refused now: " << name << ": " << after.at(name + " error") << "\n";
  for (const std::string& name : taken) std::cout << "taken now: " << name << "\n";
  std::set<std::pair<std::string, std::string>> shown;  // cases differ in the same few ways
  for (const std::string& name : numerics) {
    if (!differ.contains(name) && shown.size() >= 3) continue;
    shown.emplace(before.at(name + " numerics"), after.at(name + " numerics"));
    std::cout << "numerics of " << name << "\n  before " << before.at(name + " numerics") << "\n  after  "
              << after.at(name + " numerics") << "\n";
  }
  std::cout << same << " the same; results differ in " << differ.size() << " cases, " << unexplained
            << " without a reason; numerics in " << numerics.size() << "; " << refused.size() << " cases refused now, "
            << taken.size() << " taken now; " << gone << " lines gone, " << added << " new\n";
  if (same == 0) std::cout << "nothing is the same: are these records of the same cases?\n";
  return unexplained == 0 && refused.empty() && gone == 0 && same > 0 ? 0 : 1;
}

}  // namespace hlm_bits
