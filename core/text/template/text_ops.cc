#include "core/text/template/text_ops.h"

#include <string.h>  // memmem

#include <algorithm>
#include <functional>
#include <string>

namespace hlm::jinja {

// glibc's memmem is linear in the worst case, std::string_view::find is not.
size_t FindBytes(std::string_view text, std::string_view wanted, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (wanted.empty()) return from;
  if (from == text.size()) return std::string_view::npos;  // memmem takes no null pointer, which an empty text may have
  const void* at = memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
  return at == nullptr ? std::string_view::npos : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

size_t FindLastBytes(std::string_view text, std::string_view wanted) {
  constexpr size_t kShort = 16;  // for which std::string_view::rfind takes no more than a few times as long
  if (wanted.size() <= kShort || wanted.size() > text.size()) return text.rfind(wanted);
  const std::string backwards(text.rbegin(), text.rend()), sought(wanted.rbegin(), wanted.rend());
  const size_t at = FindBytes(backwards, sought);
  return at == std::string_view::npos ? at : text.size() - at - wanted.size();
}

namespace {

// The start of the character that ends at `end`.
size_t CharBefore(std::string_view bytes, size_t end) {
  size_t start = end - 1;
  while (start > 0 && (static_cast<unsigned char>(bytes[start]) & 0xc0u) == 0x80u) --start;
  return start;
}

// A sigma at the end of a word is a small final one: after something cased, before nothing cased.
bool IsFinalSigma(std::string_view bytes, size_t at, size_t length) {
  size_t n = 0;
  bool before = false;
  for (size_t end = at; end > 0;) {
    const size_t start = CharBefore(bytes, end);
    const uint32_t c = CharAt(bytes, start, n);
    if (!IsCaseIgnorable(c)) {
      before = IsCased(c);
      break;
    }
    end = start;
  }
  if (!before) return false;
  for (size_t next = at + length; next < bytes.size(); next += n) {
    const uint32_t c = CharAt(bytes, next, n);
    if (!IsCaseIgnorable(c)) return !IsCased(c);
  }
  return true;
}

// Each character in the case that `choose` says; nothing: as it is.
Text MapCase(const Text& text, Budget& budget, const std::function<const Case*(uint32_t)>& choose) {
  const std::string_view bytes = text.bytes();
  budget.Charge(bytes.size() * 8);  // a character takes as long as some ten copied bytes
  TextBuilder out(budget);
  std::string mapped;
  for (size_t at = 0, n = 0; at < bytes.size(); at += n) {
    const uint32_t c = CharAt(bytes, at, n);
    const Case* to = choose(c);
    if (to == nullptr) {
      out.Append(text, at, at + n);
      continue;
    }
    mapped.clear();
    if (*to == Case::kLower && c == 0x3a3) {
      mapped = IsFinalSigma(bytes, at, n) ? "\xcf\x82" : "\xcf\x83";
    } else {
      AppendCase(c, *to, mapped);
    }
    out.AppendMade(mapped, text, at, n);
  }
  return out.Take(text.safe());
}

constexpr Case kUpper = Case::kUpper, kLower = Case::kLower, kTitle = Case::kTitle;

}  // namespace

Text ChangeCase(const Text& text, Case to, Budget& budget) {
  return MapCase(text, budget, [&](uint32_t) { return &to; });
}

Text CapitalizeText(const Text& text, Budget& budget) {
  bool first = true;
  return MapCase(text, budget, [&](uint32_t) {
    const Case* to = first ? &kTitle : &kLower;
    first = false;
    return to;
  });
}

Text TitleText(const Text& text, Budget& budget) {
  bool inside = false;  // after something cased
  return MapCase(text, budget, [&](uint32_t c) {
    const Case* to = inside ? &kLower : &kTitle;
    inside = IsCased(c);
    return to;
  });
}

Text SwapCaseText(const Text& text, Budget& budget) {
  return MapCase(text, budget, [](uint32_t c) { return IsUpper(c) ? &kLower : IsLower(c) ? &kUpper : nullptr; });
}

Text StripText(const Text& text, const Text* chars, bool left, bool right, Budget& budget) {
  const std::string_view bytes = text.bytes();
  std::vector<uint32_t> set;
  if (chars != nullptr) {
    for (size_t at = 0, n = 0; at < chars->size(); at += n) set.push_back(CharAt(chars->bytes(), at, n));
  }
  const auto goes = [&](uint32_t c) { return chars == nullptr ? IsSpace(c) : std::find(set.begin(), set.end(), c) != set.end(); };
  budget.Charge(bytes.size());
  size_t begin = 0, end = bytes.size(), n = 0;
  while (left && begin < end && goes(CharAt(bytes, begin, n))) {
    begin += n;
    budget.Charge(set.size());
  }
  while (right && end > begin) {
    const size_t start = CharBefore(bytes, end);
    if (!goes(CharAt(bytes, start, n))) break;
    end = start;
    budget.Charge(set.size());
  }
  return SubText(text, begin, end, budget);
}

std::vector<Text> SplitText(const Text& text, const Text* separator, int64_t most, bool from_right, Budget& budget) {
  const std::string_view bytes = text.bytes();
  std::vector<Text> parts;
  const auto add = [&](size_t begin, size_t end) {
    budget.Charge(192);
    parts.push_back(SubText(text, begin, end, budget));
  };
  budget.Charge(bytes.size());
  const auto may_cut = [&] { return most < 0 || static_cast<int64_t>(parts.size()) < most; };
  size_t n = 0;
  if (separator != nullptr && !from_right) {
    size_t begin = 0;
    while (may_cut()) {
      const size_t at = FindBytes(bytes, separator->bytes(), begin);
      if (at == std::string_view::npos) break;
      add(begin, at);
      begin = at + separator->size();
    }
    add(begin, bytes.size());
  } else if (separator != nullptr) {
    const std::string backwards(bytes.rbegin(), bytes.rend()), sought(separator->bytes().rbegin(), separator->bytes().rend());
    size_t done = 0;  // of the text backwards
    while (may_cut()) {
      const size_t at = FindBytes(backwards, sought, done);
      if (at == std::string_view::npos) break;
      add(bytes.size() - at, bytes.size() - done);
      done = at + sought.size();
    }
    add(0, bytes.size() - done);
  } else if (!from_right) {
    size_t at = 0;
    while (true) {
      while (at < bytes.size() && IsSpace(CharAt(bytes, at, n))) at += n;
      if (at >= bytes.size()) break;
      if (!may_cut()) {
        add(at, bytes.size());
        break;
      }
      const size_t begin = at;
      while (at < bytes.size() && !IsSpace(CharAt(bytes, at, n))) at += n;
      add(begin, at);
    }
  } else {
    size_t end = bytes.size();
    const auto space_before = [&] { return IsSpace(CharAt(bytes, CharBefore(bytes, end), n)); };
    while (true) {
      while (end > 0 && space_before()) end = CharBefore(bytes, end);
      if (end == 0) break;
      if (!may_cut()) {
        add(0, end);
        break;
      }
      const size_t stop = end;
      while (end > 0 && !space_before()) end = CharBefore(bytes, end);
      add(end, stop);
    }
  }
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<Text> LinesOf(const Text& text, bool keep_ends, Budget& budget) {
  const std::string_view bytes = text.bytes();
  std::vector<Text> lines;
  budget.Charge(bytes.size());
  size_t begin = 0;
  for (size_t at = 0, n = 0; at < bytes.size();) {
    const uint32_t c = CharAt(bytes, at, n);
    const size_t end = at;
    at += n;
    if (!IsLineBreak(c)) continue;
    if (c == '\r' && at < bytes.size() && bytes[at] == '\n') ++at;
    budget.Charge(192);
    lines.push_back(SubText(text, begin, keep_ends ? at : end, budget));
    begin = at;
  }
  if (begin < bytes.size()) lines.push_back(SubText(text, begin, bytes.size(), budget));
  return lines;
}

Text ReplaceText(const Text& text, const Text& from, const Text& to, int64_t most, Budget& budget) {
  const std::string_view bytes = text.bytes();
  TextBuilder out(budget);
  int64_t done = 0;
  size_t begin = 0;
  if (from.empty()) {  // before each character, and at the end
    for (size_t at = 0, n = 0;; at += n) {
      if (most < 0 || done < most) {
        out.Append(to);
        ++done;
      }
      if (at >= bytes.size()) break;
      CharAt(bytes, at, n);
      out.Append(text, at, at + n);
    }
    return out.Take(text.safe());
  }
  budget.Charge(bytes.size());
  while (most < 0 || done < most) {
    const size_t at = FindBytes(bytes, from.bytes(), begin);
    if (at == std::string_view::npos) break;
    out.Append(text, begin, at).Append(to);
    begin = at + from.size();
    ++done;
  }
  if (done == 0) return text;
  out.Append(text, begin, bytes.size());
  return out.Take(text.safe());
}

Text JustifyText(const Text& text, int64_t width, const Text& fill, char side, Budget& budget) {
  const auto length = static_cast<int64_t>(text.chars());
  const int64_t missing = width - length;
  if (missing <= 0) return text;
  budget.CheckSize(static_cast<size_t>(missing));
  const int64_t left = side == 'l' ? 0 : side == 'r' ? missing : missing / 2 + (missing & width & 1);
  TextBuilder out(budget);
  for (int64_t i = 0; i < left; ++i) out.Append(fill);
  out.Append(text);
  for (int64_t i = left; i < missing; ++i) out.Append(fill);
  return out.Take(text.safe());
}

}  // namespace hlm::jinja
