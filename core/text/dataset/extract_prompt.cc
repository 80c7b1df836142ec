// The prompt that the two answers of a pair begin with (example.h).
#include <algorithm>
#include <utility>

#include "core/base/utf8.h"
#include "core/text/dataset/example.h"
#include "core/text/dataset/read_messages.h"

namespace hlm::dataset {
void ExtractPrompt(Example& example) {
  if (example.chosen.IsString()) {
    const std::string chosen = example.chosen.String(), rejected = example.rejected.String();
    const size_t shorter = std::min(chosen.size(), rejected.size());
    size_t at = 0, before = 0;  // `before`: where the last shared character begins
    while (at < shorter) {
      const size_t length = std::max<size_t>(1, Utf8SequenceLength(std::string_view(chosen).substr(at)));
      if (at + length > shorter || chosen.compare(at, length, rejected, at, length) != 0) break;
      before = at;
      at += length;
    }
    if (at == shorter) {
      at = before;
    } else if (at > 0 && chosen[at - 1] == ' ') {
      --at;
    }
    example.prompt = JsonValue(chosen.substr(0, at));
    example.chosen = JsonValue(chosen.substr(at));
    example.rejected = JsonValue(rejected.substr(at));
    return;
  }
  JsonValue::Array &chosen = example.chosen.Items(), &rejected = example.rejected.Items();
  const size_t shorter = std::min(chosen.size(), rejected.size());
  size_t shared = 0;
  while (shared < shorter && JsonOf(chosen[shared]) == JsonOf(rejected[shared])) ++shared;
  if (shared == shorter && shared > 0) --shared;
  const auto end = static_cast<std::ptrdiff_t>(shared);
  JsonValue::Array prompt(chosen.begin(), chosen.begin() + end);
  chosen.erase(chosen.begin(), chosen.begin() + end);
  rejected.erase(rejected.begin(), rejected.begin() + end);
  example.prompt = JsonValue(std::move(prompt));
}

}  // namespace hlm::dataset
