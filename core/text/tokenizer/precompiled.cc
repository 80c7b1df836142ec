#include "core/text/tokenizer/precompiled.h"

#include <cstring>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/base/utf8_text.h"

namespace hlm {
namespace {

std::string FromBase64(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int n = 0;
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  for (const char c : text) {
    int value;
    if (c >= 'A' && c <= 'Z') {
      value = c - 'A';
    } else if (c >= 'a' && c <= 'z') {
      value = c - 'a' + 26;
    } else if (c >= '0' && c <= '9') {
      value = c - '0' + 52;
    } else if (c == '+' || c == '/') {
      value = c == '+' ? 62 : 63;
    } else {
      throw InvalidArgument("precompiled_charsmap is not base64");
    }
    bits = bits << 6 | static_cast<uint32_t>(value);
    n += 6;
    if (n >= 8) {
      n -= 8;
      out += static_cast<char>(static_cast<unsigned char>(bits >> n & 0xff));
    }
  }
  return out;
}

// A damaged trie may go round and round: what it is asked for is never longer.
constexpr size_t kLongestKey = 256;

// The fields of a unit of a darts-clone trie.
bool HasLeaf(uint32_t unit) { return (unit >> 8 & 1) == 1; }
uint32_t Value(uint32_t unit) { return unit & 0x7fffffff; }
uint32_t Label(uint32_t unit) { return unit & (0x80000000u | 0xff); }
uint32_t Offset(uint32_t unit) { return unit >> 10 << ((unit & (1u << 9)) >> 6); }

}  // namespace

CharsMap::CharsMap(std::string_view base64) {
  const std::string bytes = FromBase64(base64);
  uint32_t trie_bytes = 0;
  if (bytes.size() < sizeof(trie_bytes)) throw InvalidArgument("precompiled_charsmap has ", Counted(bytes.size(), "byte"));
  std::memcpy(&trie_bytes, bytes.data(), sizeof(trie_bytes));
  if (trie_bytes > bytes.size() - sizeof(trie_bytes) || trie_bytes % 4 != 0 || trie_bytes == 0) {
    throw InvalidArgument("precompiled_charsmap says that its trie has ", Counted(trie_bytes, "byte"), "; all of it has ",
                          bytes.size());
  }
  units_.resize(trie_bytes / 4);
  std::memcpy(units_.data(), bytes.data() + sizeof(trie_bytes), trie_bytes);
  replacements_ = bytes.substr(sizeof(trie_bytes) + trie_bytes);
  if (FirstInvalidUtf8(replacements_) != std::string_view::npos) {
    throw InvalidArgument("precompiled_charsmap has a replacement that is not UTF-8");
  }
}

bool CharsMap::Find(std::string_view text, std::string_view& replacement) const {
  uint32_t at = Offset(units_[0]);
  for (const char c : text.substr(0, kLongestKey)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return false;
    at ^= byte;
    if (at >= units_.size() || Label(units_[at]) != byte) return false;
    const uint32_t unit = units_[at];
    at ^= Offset(unit);
    if (!HasLeaf(unit)) continue;
    if (at >= units_.size()) return false;
    const size_t begin = Value(units_[at]);
    // A damaged trie may point anywhere: only whole characters leave here.
    if (begin > replacements_.size() || (begin < replacements_.size() && IsContinuation(replacements_[begin]))) return false;
    const size_t end = replacements_.find('\0', begin);
    replacement = std::string_view(replacements_).substr(begin, end == std::string::npos ? std::string::npos : end - begin);
    return true;
  }
  return false;
}

}  // namespace hlm
