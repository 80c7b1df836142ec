#include "core/text/dataset/read_ids.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/io/json_text.h"

namespace hlm::dataset {
namespace {

constexpr int32_t kIgnored = -100;

// A list of whole numbers in [least, most], one for each of `n` tokens (-1: any number of them).
std::vector<int32_t> Numbers(const JsonValue& list, const std::string& name, const std::string& where, int64_t least,
                             int64_t most, int64_t n) {
  if (!list.IsArray())
    throw InvalidArgument(where, ": ", name, " is ", list.KindInWords(), "; it must be a list of whole numbers");
  const JsonValue::Array& items = list.Items();
  if (n >= 0 && static_cast<int64_t>(items.size()) != n) {
    throw InvalidArgument(where, ": ", name, " has ", Counted(items.size(), "element"), ", but the record has ",
                          Counted(n, "id"));
  }
  std::vector<int32_t> numbers;
  numbers.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    std::optional<int64_t> number = items[i].Int();
    if (items[i].IsBool()) number = items[i].Bool();
    if (!number || *number < least || *number > most) {
      throw InvalidArgument(where, ": ", name, "[", i, "] is ", PrintableJson(items[i]), "; it must be a whole number in [",
                            least, ", ", most, "]");
    }
    numbers.push_back(static_cast<int32_t>(*number));
  }
  return numbers;
}

}  // namespace

Dropped ReadIds(const IdLists& lists, const std::string& where, Example* out) {
  out->kind = ExampleKind::kIds;
  const std::vector<int32_t> ids = Numbers(*lists.ids, lists.ids_name, where, 0, INT32_MAX, -1);
  const auto n = static_cast<int64_t>(ids.size());
  std::vector<uint8_t> trained(ids.size(), 1), present(ids.size(), 1);
  if (lists.labels != nullptr) {
    const std::vector<int32_t> labels = Numbers(*lists.labels, lists.labels_name, where, kIgnored, INT32_MAX, n);
    for (size_t i = 0; i < ids.size(); ++i) {
      if (labels[i] != kIgnored && labels[i] != ids[i]) {
        throw InvalidArgument(where, ": ", lists.labels_name, "[", i, "] is ", labels[i], " and the id there ", ids[i],
                              "; a label is its token's id, or ", kIgnored);
      }
      trained[i] = labels[i] != kIgnored;
    }
  }
  // Where there are several masks, a token is trained that is in all of them.
  const auto require = [&](const JsonValue* list, const char* name, std::vector<uint8_t>& tokens) {
    if (list == nullptr) return;
    const std::vector<int32_t> mask = Numbers(*list, name, where, 0, 1, n);
    for (size_t i = 0; i < ids.size(); ++i) tokens[i] &= static_cast<uint8_t>(mask[i]);
  };
  require(lists.completion_mask, "completion_mask", trained);
  require(lists.assistant_masks, "assistant_masks", trained);
  require(lists.attention_mask, "attention_mask", present);
  for (size_t i = 0; i < ids.size(); ++i) {  // padding is not kept
    if (!present[i]) continue;
    out->ids.push_back(ids[i]);
    out->trained.push_back(trained[i]);
  }
  return out->ids.empty() ? Dropped::kEmptyAnswer : Dropped::kNot;
}

}  // namespace hlm::dataset
