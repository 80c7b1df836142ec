#include "core/text/tokenizer/aligned_text.h"

#include "core/base/error.h"
#include "core/base/utf8_text.h"

namespace hlm {

void AlignedText::FailMake() {
  throw InvalidArgument("the normalizers make more of the text than the limit of ", kMadeBytes, " bytes and ", kMadeBytesAByte,
                        " for each of its bytes");
}

void AlignedText::AppendOriginal(std::string_view original, size_t begin, size_t end) {
  text += original.substr(begin, end - begin);
  if (!tracked) return;
  origins.reserve(origins.size() + end - begin);
  for (size_t at = begin; at < end;) {
    const size_t length = Utf8Length(original[at]);
    origins.insert(origins.end(), length, {static_cast<uint32_t>(at), static_cast<uint32_t>(at + length)});
    at += length;
  }
}

void AlignedText::Keep(const AlignedText& from, size_t begin, size_t end) {
  Make(end - begin);
  text.append(from.text, begin, end - begin);
  if (!tracked) return;
  origins.insert(origins.end(), from.origins.begin() + static_cast<std::ptrdiff_t>(begin),
                 from.origins.begin() + static_cast<std::ptrdiff_t>(end));
}

void AlignedText::Replace(const AlignedText& from, size_t begin, size_t end, std::string_view with) {
  Make(with.size());
  text += with;
  if (!tracked) return;
  Origin origin{0, 0};
  if (begin < end) {
    origin = from.OriginOf(begin, end);
  } else if (begin > 0) {
    origin = from.origins[begin - 1];
  } else if (!from.origins.empty()) {
    origin = from.origins[0];
  }
  origins.insert(origins.end(), with.size(), origin);
}

void AlignedText::Prepend(const AlignedText& from, size_t first, std::string_view with) {
  Replace(from, 0, first, with);
  Keep(from, 0, from.text.size());
}

Origin AlignedText::OriginOf(size_t begin, size_t end) const {
  const Origin first = origins[begin], last = origins[end - 1];
  return {first.begin, first.begin > last.end ? first.begin : last.end};
}

}  // namespace hlm
