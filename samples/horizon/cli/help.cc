#include "samples/horizon/cli/help.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "samples/horizon/cli/names.h"

namespace horizon {
namespace {

constexpr int kLeast = 40, kMost = 120, kUsual = 80;
constexpr int kNameColumns = 30;  // then what an option does
constexpr int kNarrow = 70;       // below this it stands under the name

// UTF-8: bytes that begin a character.
int Columns(const std::string& text) {
  return static_cast<int>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// How many bytes of a word of more columns fit.
size_t BreakOf(const std::string& word, int columns) {
  size_t at = 0;
  for (int column = 0; at < word.size(); ++at) {
    if ((static_cast<unsigned char>(word[at]) & 0xc0) == 0x80) continue;
    if (column++ == columns) break;
  }
  const size_t seam = word.find_last_of("|,/", at - 1);
  return seam == std::string::npos ? at : seam + 1;
}

std::string NamesOf(const CLI::App& app, const CLI::Option& option) {
  std::string names = NameOf(option);
  for (const std::string& letter : option.get_snames()) {
    if (names != "-" + letter) names += ", -" + letter;
  }
  if (&option == app.get_help_ptr() || IsFlag(option)) return names;
  const char* without = ValueWithout(option);
  names += without != nullptr ? " [" + option.get_type_name() + "]" : " " + option.get_type_name();
  if (!option.get_default_str().empty()) names += "=" + option.get_default_str();
  if (option.get_required()) names += " (needed)";
  return names;
}

std::string Listed(const std::set<CLI::Option*>& options) {
  std::string names;
  for (const CLI::Option* option : options) names += (names.empty() ? "" : ", ") + NameOf(*option);
  return names;
}

std::string AboutOf(const CLI::Option& option) {
  std::string text = option.get_description();
  if (!option.get_needs().empty()) text += "; with " + Listed(option.get_needs());
  if (!option.get_excludes().empty()) text += "; not with " + Listed(option.get_excludes());
  const std::vector<std::string> others = OtherNames(option);
  // The first is the one that most people type; the rest are understood, and would drown the text.
  if (!others.empty()) text += " (also " + others.front() + ")";
  return text;
}

std::string Row(const std::string& name, const std::string& about, int width) {
  const bool narrow = width < kNarrow;
  const int indent = narrow ? 6 : kNameColumns;
  std::string row = Wrapped("  " + name, 0, 4, width);
  const int end = Columns(row.substr(row.rfind('\n') + 1));
  if (narrow || end + 2 > kNameColumns) {
    row += "\n" + std::string(static_cast<size_t>(indent), ' ');
  } else {
    row += std::string(static_cast<size_t>(kNameColumns - end), ' ');
  }
  return row + Wrapped(about, indent, indent, width) + "\n";
}

}  // namespace

int HelpWidth() {
  int columns = 0;
  if (const char* text = std::getenv("COLUMNS")) columns = std::atoi(text);
  winsize window = {};
  if (columns <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0) columns = window.ws_col;
  return columns <= 0 ? kUsual : std::clamp(columns, kLeast, kMost);
}

std::string Wrapped(const std::string& text, int column, int indent, int width) {
  std::string wrapped;
  const std::string margin = "\n" + std::string(static_cast<size_t>(indent), ' ');
  bool begins = true;  // of a line: no space goes before
  for (size_t at = 0; at < text.size();) {
    const size_t word_at = text.find_first_not_of(' ', at);
    if (word_at == std::string::npos) break;
    size_t end = text.find(' ', word_at);
    if (end == std::string::npos) end = text.size();
    std::string word = text.substr(word_at, end - word_at);
    const auto spaces = static_cast<int>(wrapped.empty() ? word_at - at : 1);
    if (!begins && column + spaces + Columns(word) > width) {
      wrapped += margin;
      column = indent;
      begins = true;
    } else if (!begins || wrapped.empty()) {
      const int put = begins ? static_cast<int>(word_at - at) : 1;
      wrapped += std::string(static_cast<size_t>(put), ' ');
      column += put;
    }
    while (column + Columns(word) > width) {
      const size_t seam = BreakOf(word, width - column);
      wrapped += word.substr(0, seam) + margin;
      word.erase(0, seam);
      column = indent;
    }
    wrapped += word;
    column += Columns(word);
    begins = false;
    at = end;
  }
  return wrapped;
}

std::string HelpText::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode) const {
  const int width = HelpWidth();
  const std::vector<const CLI::App*> commands = app->get_subcommands({});
  std::string text = Wrapped(app->get_description(), 0, 0, width) + "\n";
  text += "Usage: " + name + (commands.empty() ? "" : " COMMAND") + " [OPTIONS]\n";
  if (!commands.empty()) text += "\nCommands:\n";
  for (const CLI::App* command : commands) {
    if (!command->get_group().empty()) text += Row(command->get_name(), command->get_description(), width);
  }
  for (const std::string& group : app->get_groups()) {
    const auto options = app->get_options([&](const CLI::Option* option) { return option->get_group() == group; });
    if (options.empty() || group == kUnlisted) continue;
    text += "\n" + Wrapped(group + ":", 0, 2, width) + "\n";
    for (const CLI::Option* option : options) text += Row(NamesOf(*app, *option), AboutOf(*option), width);
  }
  for (std::istringstream footer(app->get_footer()); footer.good();) {
    std::string paragraph;
    if (std::getline(footer, paragraph) && !paragraph.empty()) text += "\n" + Wrapped(paragraph, 0, 0, width) + "\n";
  }
  return text;
}

}  // namespace horizon
