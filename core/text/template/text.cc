#include "core/text/template/text.h"

#include <algorithm>
#include <utility>

namespace hlm::jinja {
namespace {

bool IsLead(char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }

size_t CountChars(std::string_view bytes) { return static_cast<size_t>(std::count_if(bytes.begin(), bytes.end(), IsLead)); }

// The first run that holds the byte at `at`, or the end.
std::vector<Run>::const_iterator FindRun(const std::vector<Run>& runs, size_t at) {
  return std::upper_bound(runs.begin(), runs.end(), at, [](size_t place, const Run& run) { return place < run.end; });
}

// What the bytes [begin, end) of a run that begins at `run_begin` were made of.
Run Part(const Run& run, size_t run_begin, size_t begin, size_t end) {
  Run part = run;
  if (run.place == 0 || run.taken != run.end - run_begin) return part;
  part.place += static_cast<uint32_t>(begin - run_begin);
  part.taken = static_cast<uint32_t>(end - begin);
  return part;
}

}  // namespace

Text::Text(std::string bytes, Source source, bool safe, uint32_t place) {
  if (bytes.empty() && !safe) return;
  auto data = std::make_shared<Data>();
  data->bytes = std::move(bytes);
  data->chars = CountChars(data->bytes);
  data->safe = safe;
  const auto size = static_cast<uint32_t>(data->bytes.size());
  if (source != Source() && size > 0) data->runs.push_back({size, source, 0, place, place == 0 ? 0 : size});
  data_ = std::move(data);
}

const std::vector<Run>& Text::runs() const {
  static const std::vector<Run> kNone;
  return data_ == nullptr ? kNone : data_->runs;
}

size_t Text::ByteOf(size_t index) const {
  if (index >= chars()) return size();
  if (is_ascii()) return index;
  const std::string_view all = bytes();
  size_t seen = 0;
  for (size_t at = 0; at < all.size(); ++at) {
    if (IsLead(all[at]) && seen++ == index) return at;
  }
  return all.size();
}

void TextBuilder::Reserve(size_t more) {
  budget_->Charge(more);
  budget_->CheckSize(bytes_.size() + more);
}

// The bytes up to here, back to the end of the last run, are of this source.
void TextBuilder::EndRun(const Run& run) {
  const auto end = static_cast<uint32_t>(bytes_.size());
  const uint32_t begin = runs_.empty() ? 0 : runs_.back().end;
  if (begin == end) return;
  if (!runs_.empty()) {
    Run& last = runs_.back();
    const uint32_t last_begin = runs_.size() == 1 ? 0 : runs_[runs_.size() - 2].end;
    const bool copies = last.taken == last.end - last_begin && run.taken == end - begin;
    const bool goes_on = run.place == 0 ? last.place == 0 : last.place != 0 && copies && last.place + last.taken == run.place;
    if (last.source == run.source && last.generation == run.generation && goes_on) {
      last.end = end;
      last.taken += run.taken;
      return;
    }
  }
  runs_.push_back(run);
  runs_.back().end = end;
}

TextBuilder& TextBuilder::Append(const Text& text, size_t begin, size_t end) {
  if (begin >= end) return *this;
  const std::vector<Run>& runs = text.runs();
  if (runs.empty()) return Append(text.bytes().substr(begin, end - begin));
  Reserve(end - begin);
  auto run = FindRun(runs, begin);
  for (size_t at = begin; at < end; ++run) {
    const size_t stop = std::min<size_t>(run->end, end);
    bytes_ += text.bytes().substr(at, stop - at);
    EndRun(Part(*run, run == runs.begin() ? 0 : (run - 1)->end, at, stop));
    at = stop;
  }
  return *this;
}

TextBuilder& TextBuilder::Append(std::string_view bytes) {
  if (bytes.empty()) return *this;
  Reserve(bytes.size());
  bytes_ += bytes;
  EndRun(Run());
  return *this;
}

TextBuilder& TextBuilder::AppendMade(std::string_view bytes, const Text& text, size_t at, size_t length) {
  const std::vector<Run>& runs = text.runs();
  const auto run = FindRun(runs, at);
  if (run == runs.end()) return Append(bytes);
  if (bytes.empty()) return *this;
  Reserve(bytes.size());
  bytes_ += bytes;
  EndRun(Part(*run, run == runs.begin() ? 0 : (run - 1)->end, at, at + length));
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
