#include "samples/horizon/options/option_kinds.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <system_error>

#include "samples/horizon/base/nearest.h"
#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

// Decimal digits, all of the text, within int64.
bool ParseWholeNumber(const std::string& text, int64_t& number) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size();
}

// A whole number that int64 does not hold.
bool IsTooLarge(const std::string& text) {
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc::result_out_of_range && end == text.data() + text.size();
}

// "80000000000", "8e10", "80GB", "74.5GiB", "1.5 TB": binary units with an i and as single letters, else powers of 1000. A fraction of a
// byte is a unit that was forgotten.
bool ParseBytes(const std::string& text, int64_t& bytes) {
  size_t digits = text.find_first_not_of("0123456789.");
  if (digits != std::string::npos && (text[digits] == 'e' || text[digits] == 'E')) {
    digits = text.find_first_not_of("0123456789", text.find_first_not_of('+', digits + 1));
  }
  const std::string number = text.substr(0, digits);
  std::string unit = digits == std::string::npos ? "" : text.substr(digits);
  unit.erase(0, unit.find_first_not_of(' ') == std::string::npos ? unit.size() : unit.find_first_not_of(' '));
  for (char& letter : unit) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  double value = 0;
  if (number.empty() || !CLI::detail::lexical_cast(number, value)) return false;
  double scale = 1;
  if (!unit.empty() && unit != "b") {
    const std::string letters = "kmgtp";
    const size_t power = letters.find(unit[0]);
    if (power == std::string::npos) return false;
    const std::string rest = unit.substr(1);
    if (rest != "" && rest != "b" && rest != "ib") return false;
    scale = std::pow(rest == "b" ? 1000.0 : 1024.0, static_cast<double>(power + 1));
  } else if (number.find_first_not_of("0123456789") == std::string::npos) {
    return ParseWholeNumber(number, bytes);  // to the last digit
  } else if (value != std::floor(value)) {
    return false;
  }
  if (!(value * scale < 9e18)) return false;
  bytes = static_cast<int64_t>(value * scale);
  return true;
}

// Other names of the same words, where an option has the second.
constexpr std::pair<const char*, const char*> kSynonyms[] = {{"bfloat16", "bf16"}, {"float32", "f32"}, {"fp32", "f32"},
                                                             {"float16", "f16"},   {"fp16", "f16"},    {"half", "f16"}};

bool Has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The word that is meant: whatever the case of its letters, and by another name; else what was given.
std::string Meant(const std::string& given, const std::vector<std::string>& words) {
  std::string small = given;
  for (char& letter : small) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  if (Has(words, given) || Has(words, small)) return Has(words, given) ? given : small;
  for (const auto& [other, word] : kSynonyms) {
    if (small == other && Has(words, word)) return word;
  }
  return given;
}

// Refuses what is none of the words, with the nearest one.
void TakeOnly(CLI::Option* option, const std::vector<std::string>& words) {
  std::string listed;
  for (const std::string& word : words) listed += (listed.empty() ? "" : "|") + word;
  option->type_name(listed)
      ->check([words, listed](const std::string& given) {
        return Has(words, given) ? "" : "'" + given + "' is not one of " + listed + DidYouMean(given, words);
      })
      ->transform([words](const std::string& given) { return Meant(given, words); });
}

}  // namespace

CLI::Option* AddChoice(CLI::App& app, const std::string& name, int32_t& value, const Choices& choices, const std::string& help) {
  std::vector<std::string> words;
  std::string chosen;
  for (const auto& [word, constant] : choices) {
    words.push_back(word);
    if (constant == value) chosen = word;
  }
  CLI::Option* option = app.add_option_function<std::string>(
                               name,
                               [&value, choices](const std::string& given) {
                                 for (const auto& [word, constant] : choices) {
                                   if (given == word) value = constant;
                                 }
                               },
                               help)
                            ->default_str(chosen);
  TakeOnly(option, words);
  return option;
}

CLI::Option* AddWord(CLI::App& app, const std::string& name, std::string& value, const std::vector<std::string>& words,
                     const std::string& help) {
  CLI::Option* option = app.add_option(name, value, help);
  if (!value.empty()) option->capture_default_str();
  TakeOnly(option, words);
  return option;
}

CLI::Option* AddNumber(CLI::App& app, const std::string& name, int64_t& value, int64_t least, const std::string& help,
                       bool bytes) {
  CLI::Option* option = app.add_option_function<std::string>(
      name, [&value](const std::string& given) { ParseWholeNumber(given, value); }, help);
  option->check([least, bytes](const std::string& given) {
    int64_t number = 0;
    if (ParseWholeNumber(given, number) && number >= least) return std::string();
    if (IsTooLarge(given) && given[0] != '-') return "'" + given + "' is more than " + std::to_string(INT64_MAX);
    return "'" + given + "' is not a whole number" + (least == kAnyNumber ? "" : " of " + std::to_string(least) + " or more") +
           (bytes ? ", nor a size as 8GiB, 80GB or 512k" : "");
  });
  if (value >= least) option->default_str(std::to_string(value));
  if (bytes) {
    // Runs before the check above, which then sees a whole number or the text as it was.
    option->transform([](const std::string& given) {
      int64_t number = 0;
      return ParseBytes(given, number) ? std::to_string(number) : given;
    });
  }
  return option->type_name(bytes ? "BYTES" : "N");
}

CLI::Option* AddSwitch(CLI::App& app, const std::string& name, int32_t& value, const std::string& help) {
  return app.add_flag_callback(
      name, [&value] { value = 1; }, help);
}

CLI::Option* AddReal(CLI::App& app, const std::string& name, double& value, double least, double most, const std::string& help,
                     bool below) {
  const std::string limits = most == std::numeric_limits<double>::infinity()
                                 ? Format("a finite number of %g or more", least)
                                 : Format("a number of %g or more and %s %g", least, below ? "below" : "at most", most);
  CLI::Option* option = app.add_option(name, value, help)->type_name("X");
  if (!std::isnan(value)) option->capture_default_str();
  return option->check([=](const std::string& given) {
    double number = 0;
    const bool decimal = given.find_first_not_of("0123456789+-.eE") == std::string::npos;  // strtod takes 0x10 and blanks too
    if (decimal && CLI::detail::lexical_cast(given, number) && std::isfinite(number) && number >= least &&
        (below ? number < most : number <= most)) {
      return std::string();
    }
    return "'" + given + "' is not " + limits;
  });
}

CLI::Option* AddText(CLI::App& app, const std::string& name, std::string& value, const char* type, const std::string& help) {
  return app.add_option(name, value, help)->type_name(type)->check([](const std::string& given) {
    return given.empty() ? std::string("is empty") : std::string();
  });
}

CLI::Option* AddTexts(CLI::App& app, const std::string& name, std::vector<std::string>& values, const char* type,
                      const std::string& help) {
  return app.add_option(name, values, help)->type_name(type)->allow_extra_args(false)->check([](const std::string& given) {
    return given.empty() ? std::string("is empty") : std::string();
  });
}

}  // namespace horizon
