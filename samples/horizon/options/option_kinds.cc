#include "samples/horizon/options/option_kinds.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <system_error>

#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

// Decimal digits, all of the text, within int64.
bool ParseWholeNumber(const std::string& text, int64_t& number) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size();
}

// "80000000000", "80GB", "74.5GiB", "1.5 TB": binary units with an i and as single letters, else powers of 1000.
bool ParseBytes(const std::string& text, int64_t& bytes) {
  const size_t digits = text.find_first_not_of("0123456789.");
  const std::string number = text.substr(0, digits);
  std::string unit = digits == std::string::npos ? "" : text.substr(digits);
  unit.erase(0, unit.find_first_not_of(' ') == std::string::npos ? unit.size() : unit.find_first_not_of(' '));
  for (char& letter : unit) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  double value = 0;
  if (number.empty() || !CLI::detail::lexical_cast(number, value)) return false;
  double scale = 1;
  if (!unit.empty() && unit != "b") {
    const std::string letters = "kmgt";
    const size_t power = letters.find(unit[0]);
    if (power == std::string::npos) return false;
    const std::string rest = unit.substr(1);
    if (rest != "" && rest != "b" && rest != "ib") return false;
    scale = std::pow(rest == "b" ? 1000.0 : 1024.0, static_cast<double>(power + 1));
  } else if (number.find('.') == std::string::npos) {
    return ParseWholeNumber(number, bytes);  // to the last digit
  }
  if (!(value * scale < 9e18)) return false;
  bytes = static_cast<int64_t>(value * scale);
  return true;
}

}  // namespace

CLI::Option* AddChoice(CLI::App& app, const std::string& name, int32_t& value, const Choices& choices, const std::string& help) {
  std::vector<std::string> words;
  std::string chosen;
  std::string listed;
  for (const auto& [word, constant] : choices) {
    words.push_back(word);
    listed += (listed.empty() ? "" : "|") + words.back();
    if (constant == value) chosen = word;
  }
  return app
      .add_option_function<std::string>(
          name,
          [&value, choices](const std::string& given) {
            for (const auto& [word, constant] : choices) {
              if (given == word) value = constant;
            }
          },
          help)
      ->type_name(listed)
      ->default_str(chosen)
      ->check([words, listed](const std::string& given) {
        for (const std::string& word : words) {
          if (given == word) return std::string();
        }
        return "'" + given + "' is not one of " + listed;
      });
}

CLI::Option* AddWord(CLI::App& app, const std::string& name, std::string& value, const std::vector<std::string>& words,
                     const std::string& help) {
  std::string listed;
  for (const std::string& word : words) listed += (listed.empty() ? "" : "|") + word;
  CLI::Option* option = app.add_option(name, value, help)->type_name(listed);
  if (!value.empty()) option->capture_default_str();
  return option->check([words, listed](const std::string& given) {
    for (const std::string& word : words) {
      if (given == word) return std::string();
    }
    return "'" + given + "' is not one of " + listed;
  });
}

CLI::Option* AddNumber(CLI::App& app, const std::string& name, int64_t& value, int64_t least, const std::string& help,
                       bool bytes) {
  CLI::Option* option = app.add_option_function<std::string>(
      name, [&value](const std::string& given) { ParseWholeNumber(given, value); }, help);
  option->check([least](const std::string& given) {
    int64_t number = 0;
    if (ParseWholeNumber(given, number) && number >= least) return std::string();
    return "'" + given + "' is not a whole number" + (least == kAnyNumber ? "" : " of " + std::to_string(least) + " or more");
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
    if (CLI::detail::lexical_cast(given, number) && std::isfinite(number) && number >= least &&
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
