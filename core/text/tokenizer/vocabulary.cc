#include "core/text/tokenizer/vocabulary.h"

#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/error.h"
#include "core/io/json_text.h"

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
  while (slots * 2 < strings * 3) slots *= 2;
  if (slots > slots_.size()) Grow(slots);
}

size_t StringMap::SlotOf(std::string_view wanted, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  const auto tag = static_cast<uint32_t>(hash >> 32);
  while (slots_[at].value >= 0 && !(slots_[at].hash == tag && TextOf(slots_[at].entry) == wanted)) at = (at + 1) & mask;
  return at;
}

bool StringMap::Insert(std::string_view text, int32_t value) {
  if ((entries_.size() + 1) * 3 > slots_.size() * 2) Grow(slots_.empty() ? 16 : slots_.size() * 2);
  const uint64_t hash = Hash(text);
  Slot& slot = slots_[SlotOf(text, hash)];
  if (slot.value >= 0) {
    slot.value = value;
    return false;
  }
  const Entry entry{static_cast<uint32_t>(arena_.size()), static_cast<uint32_t>(text.size())};
  entries_.push_back(entry);
  arena_ += text;
  slot = {static_cast<uint32_t>(hash >> 32), entry, value};
  return true;
}

int32_t StringMap::Find(std::string_view text) const { return slots_.empty() ? -1 : slots_[SlotOf(text, Hash(text))].value; }

void StringMap::Grow(size_t slots) {
  HugeVector<Slot> old(slots);
  std::swap(old, slots_);
  for (const Slot& slot : old) {
    if (slot.value < 0) continue;
    const std::string_view text = TextOf(slot.entry);
    slots_[SlotOf(text, Hash(text))] = slot;
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
