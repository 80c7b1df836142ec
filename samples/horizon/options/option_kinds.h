// The kinds of option that the subcommands have: what a value may be is checked while parsing, and said in the same words
// everywhere.
#ifndef HORIZON_LM_SAMPLES_HORIZON_OPTIONS_OPTION_KINDS_H_
#define HORIZON_LM_SAMPLES_HORIZON_OPTIONS_OPTION_KINDS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace horizon {

inline constexpr double kNoLimit = std::numeric_limits<double>::infinity();
inline constexpr int64_t kAnyNumber = std::numeric_limits<int64_t>::min();

using Choices = std::vector<std::pair<const char*, int32_t>>;

// One of a few words, stored as the library's constant.
CLI::Option* AddChoice(CLI::App& app, const std::string& name, int32_t& value, const Choices& choices, const std::string& help);

// One of a few words, stored as it is. An empty default stands for "chosen", and help does not show it.
CLI::Option* AddWord(CLI::App& app, const std::string& name, std::string& value, const std::vector<std::string>& words,
                     const std::string& help);

// A whole number with a smallest value; "8MiB" and the like are understood where `bytes`. A default below the smallest value
// stands for "chosen", and help does not show it.
CLI::Option* AddNumber(CLI::App& app, const std::string& name, int64_t& value, int64_t least, const std::string& help,
                       bool bytes = false);

// 1 where the flag is given.
CLI::Option* AddSwitch(CLI::App& app, const std::string& name, int32_t& value, const std::string& help);

// A finite number in [least, most], or in [least, most) where `below`. A default that is NaN stands for "chosen".
CLI::Option* AddReal(CLI::App& app, const std::string& name, double& value, double least, double most, const std::string& help,
                     bool below = false);

// A text that is not empty.
CLI::Option* AddText(CLI::App& app, const std::string& name, std::string& value, const char* type, const std::string& help);

// The same, which may be given several times.
CLI::Option* AddTexts(CLI::App& app, const std::string& name, std::vector<std::string>& values, const char* type,
                      const std::string& help);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_OPTIONS_OPTION_KINDS_H_
