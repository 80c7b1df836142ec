#include "core/text/vocabulary.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/error.h"
#include "core/model/json_text.h"

namespace hlm {
namespace {

// An id this large would make a table of ids that no model has the rows for.
constexpr int64_t kLargestId = (1 << 24) - 1;

uint64_t Hash(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

}  // namespace

void StringMap::Reserve(size_t strings, size_t bytes) {
  arena_.reserve(bytes);
  entries_.reserve(strings);
  size_t slots = 16;
  while (slots < strings * 2) slots *= 2;
  if (slots > slots_.size()) Grow(slots);
}

size_t StringMap::SlotOf(std::string_view wanted, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  const auto tag = static_cast<uint32_t>(hash >> 32);
  while (slots_[at].entry != 0 && !(slots_[at].hash == tag && text(slots_[at].entry - 1) == wanted)) at = (at + 1) & mask;
  return at;
}

bool StringMap::Insert(std::string_view text, int32_t value) {
  if ((entries_.size() + 1) * 2 > slots_.size()) Grow(slots_.empty() ? 16 : slots_.size() * 2);
  const uint64_t hash = Hash(text);
  Slot& slot = slots_[SlotOf(text, hash)];
  if (slot.entry != 0) {
    entries_[slot.entry - 1].value = value;
    return false;
  }
  entries_.push_back({arena_.size(), static_cast<uint32_t>(text.size()), value});
  arena_ += text;
  slot = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(entries_.size())};
  return true;
}

int32_t StringMap::Find(std::string_view text) const {
  if (slots_.empty()) return -1;
  const Slot& slot = slots_[SlotOf(text, Hash(text))];
  return slot.entry == 0 ? -1 : entries_[slot.entry - 1].value;
}

void StringMap::Grow(size_t slots) {
  slots_.assign(slots, {});
  for (size_t i = 0; i < entries_.size(); ++i) {
    const uint64_t hash = Hash(text(i));
    slots_[SlotOf(text(i), hash)] = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(i + 1)};
  }
}

void Vocabulary::Add(std::string_view text, int64_t id) {
  if (id < 0 || id > kLargestId) {
    throw InvalidArgument("the token \"", Printable(text), "\" has the id ", id, "; ids are 0 to ", kLargestId);
  }
  const size_t place = static_cast<size_t>(id);
  if (place >= by_id_.size()) by_id_.resize(place + 1);
  if (by_id_[place] != 0) {
    throw InvalidArgument("the tokens \"", Printable(Text(static_cast<int32_t>(id))), "\" and \"", Printable(text),
                          "\" have the same id ", id);
  }
  if (!map_.Insert(text, static_cast<int32_t>(id))) throw InvalidArgument("the token \"", Printable(text), "\" appears twice");
  by_id_[place] = static_cast<uint32_t>(map_.size());
}

}  // namespace hlm
