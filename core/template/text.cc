#include "core/template/text.h"

#include <algorithm>
#include <utility>

namespace hlm::jinja {
namespace {

bool IsLead(char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }

size_t CountChars(std::string_view bytes) { return static_cast<size_t>(std::count_if(bytes.begin(), bytes.end(), IsLead)); }

const Run* FindRun(const std::vector<Run>& runs, size_t at) {
  const auto run = std::upper_bound(runs.begin(), runs.end(), at, [](size_t place, const Run& r) { return place < r.end; });
  return run == runs.end() ? nullptr : &*run;
}

}  // namespace

Text::Text(std::string bytes, Source source, bool safe) {
  if (bytes.empty() && !safe) return;
  auto data = std::make_shared<Data>();
  data->bytes = std::move(bytes);
  data->chars = CountChars(data->bytes);
  data->safe = safe;
  if (source != Source() && !data->bytes.empty()) data->runs.push_back({static_cast<uint32_t>(data->bytes.size()), source, 0});
  data_ = std::move(data);
}

const std::vector<Run>& Text::runs() const {
  static const std::vector<Run> kNone;
  return data_ == nullptr ? kNone : data_->runs;
}

size_t Text::ByteOf(size_t index) const {
  if (is_ascii()) return std::min(index, size());
  const std::string_view all = bytes();
  size_t seen = 0;
  for (size_t at = 0; at < all.size(); ++at) {
    if (IsLead(all[at]) && seen++ == index) return at;
  }
  return all.size();
}

const Run* Text::RunAt(size_t at) const { return FindRun(runs(), at); }

void TextBuilder::Reserve(size_t more) {
  budget_->Charge(more);
  budget_->CheckSize(bytes_.size() + more);
}

// The bytes up to here, back to the end of the last run, are of this source.
void TextBuilder::EndRun(Source source, uint32_t generation) {
  const auto end = static_cast<uint32_t>(bytes_.size());
  if (runs_.empty() ? end == 0 : runs_.back().end == end) return;
  if (!runs_.empty() && runs_.back().source == source && runs_.back().generation == generation) {
    runs_.back().end = end;
  } else {
    runs_.push_back({end, source, generation});
  }
}

TextBuilder& TextBuilder::Append(const Text& text, size_t begin, size_t end) {
  if (begin >= end) return *this;
  Reserve(end - begin);
  const std::vector<Run>& runs = text.runs();
  if (runs.empty()) {
    bytes_ += text.bytes().substr(begin, end - begin);
    EndRun(Source(), 0);
    return *this;
  }
  auto run = std::upper_bound(runs.begin(), runs.end(), begin, [](size_t place, const Run& r) { return place < r.end; });
  for (size_t at = begin; at < end; ++run) {
    const size_t stop = std::min<size_t>(run->end, end);
    bytes_ += text.bytes().substr(at, stop - at);
    EndRun(run->source, run->generation);
    at = stop;
  }
  return *this;
}

TextBuilder& TextBuilder::AppendFrom(std::string_view bytes, const Run* run) {
  if (bytes.empty()) return *this;
  Reserve(bytes.size());
  bytes_ += bytes;
  EndRun(run == nullptr ? Source() : run->source, run == nullptr ? 0 : run->generation);
  return *this;
}

void TextBuilder::MarkGeneration(uint32_t generation) {
  for (Run& run : runs_) {
    if (run.generation == 0) run.generation = generation;
  }
}

Text TextBuilder::Take(bool safe) {
  if (bytes_.empty() && !safe) return Text();
  auto data = std::make_shared<Text::Data>();
  data->bytes = std::move(bytes_);
  data->chars = CountChars(data->bytes);
  data->safe = safe;
  const bool plain = runs_.size() == 1 && runs_[0].source == Source() && runs_[0].generation == 0;
  if (!plain) data->runs = std::move(runs_);
  bytes_.clear();
  runs_.clear();
  return Text(std::move(data));
}

Text SubText(const Text& text, size_t begin, size_t end, Budget& budget) {
  if (begin == 0 && end == text.size()) return text;
  return TextBuilder(budget).Append(text, begin, end).Take(text.safe());
}

Text WithSafe(const Text& text, bool safe, Budget& budget) {
  if (text.safe() == safe) return text;
  return TextBuilder(budget).Append(text).Take(safe);
}

}  // namespace hlm::jinja
