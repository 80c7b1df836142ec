#include "samples/horizon/base/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace horizon {

bool NoColor() {
  const char* value = std::getenv("NO_COLOR");
  return value != nullptr && *value != '\0';
}

bool TakesSequences(std::FILE* file) {
  const char* kind = std::getenv("TERM");
  return isatty(fileno(file)) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

std::string CutTo(const std::string& line, int columns) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };  // a character of UTF-8
  if (columns <= 0 || std::count_if(line.begin(), line.end(), begins) <= columns) return line;
  size_t end = 0;
  for (int column = 0; end < line.size(); ++end) {
    if (begins(line[end]) && column++ == columns - 1) break;
  }
  return line.substr(0, end) + "\xe2\x80\xa6";
}

std::string Harmless(const std::string& text) {
  std::string harmless;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0;
    const bool long_control = byte == 0xc2 && next >= 0x80 && next < 0xa0;  // U+0080 to U+009F
    const bool control = long_control || byte == 0x7f || (byte < 0x20 && byte != '\n' && byte != '\t');
    harmless += control ? '?' : text[at];
    if (long_control) ++at;
  }
  return harmless;
}

void ShowWritten(const std::string& piece) {
  static const bool terminal = isatty(STDOUT_FILENO) == 1;
  const std::string text = terminal ? Harmless(piece) : piece;
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace horizon
