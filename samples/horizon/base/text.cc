#include "samples/horizon/base/text.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <limits>

namespace horizon {

std::string Format(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, arguments);
  va_end(arguments);
  std::string text(length > 0 ? static_cast<size_t>(length) : 0, '\0');
  std::vsnprintf(text.data(), text.size() + 1, format, again);
  va_end(again);
  return text;
}

double NoSignOfNan(double value) { return std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value; }

std::string FormatCount(int64_t count) {
  std::string text = std::to_string(count);
  const size_t first_digit = count < 0 ? 1 : 0;
  for (size_t at = text.size(); at > first_digit + 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string FormatCount(int64_t count, const std::string& one) {
  return FormatCount(count) + " " + one + (count == 1 ? "" : "s");
}

std::string FormatBytes(int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  // 1023.996 KiB would be written as 1024.00 KiB.
  for (; std::abs(value) >= 1023.995 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return unit == 0 ? Format("%lld B", static_cast<long long>(bytes)) : Format("%.2f %s", value, kUnits[unit]);
}

std::string FormatSeconds(double seconds) {
  if (!std::isfinite(seconds)) return "unknown";
  if (seconds < 0.9995) return Format("%.3g ms", seconds * 1e3);
  if (seconds < 59.95) return Format("%.1f s", seconds);
  const long long whole = std::llround(seconds);
  if (whole < 3600) return Format("%lld min %02lld s", whole / 60, whole % 60);
  return Format("%lld h %02lld min", whole / 3600, whole % 3600 / 60);
}

std::string FormatRate(double per_second) {
  return std::isfinite(per_second) ? FormatCount(std::llround(per_second)) : "unknown";
}

std::string WithSizes(const std::string& message) {
  constexpr const char* kDigits = "0123456789";
  constexpr int64_t kLeast = 1 << 20;
  // What belongs to the number stays beside it.
  const std::string follow[] = {" bytes", " may be used"};
  std::string text;
  for (size_t at = 0; at < message.size();) {
    const size_t end = std::min(message.find_first_not_of(kDigits, at), message.size());
    const bool begins = at == 0 || message[at - 1] == ' ' || message[at - 1] == '(';
    const bool ends = end == message.size() || std::string(" ,):;").find(message[end]) != std::string::npos;
    if (end == at || !begins || !ends || end - at > 18 || std::stoll(message.substr(at, end - at)) < kLeast) {
      const size_t next = std::max(end, at + 1);
      text += message.substr(at, next - at);
      at = next;
      continue;
    }
    text += message.substr(at, end - at);
    const std::string size = " (" + FormatBytes(std::stoll(message.substr(at, end - at))) + ")";
    at = end;
    for (const std::string& words : follow) {
      if (message.compare(at, words.size(), words) != 0) continue;
      text += words;
      at += words.size();
    }
    text += size;
  }
  return text;
}

std::string OneLine(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

}  // namespace horizon
