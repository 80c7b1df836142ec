#include "samples/horizon/cli/arguments.h"

#include <algorithm>
#include <cctype>

#include "samples/horizon/base/error.h"
#include "samples/horizon/cli/names.h"

namespace horizon {
namespace {

// "-5" is a value, "-" by itself as well.
bool LooksLikeOption(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && std::isdigit(static_cast<unsigned char>(word[1])) == 0 && word[1] != '.';
}

std::string NamePart(const std::string& word) { return word.substr(0, word.find('=')); }

// A model comes from one of these, and no two of them go together.
bool IsModel(const std::string& name) { return name == "--model" || name == "--config" || name == "--preset"; }

bool Excludes(const CLI::Option& one, const CLI::Option& other) {
  const auto names = [](const CLI::Option& option, const CLI::Option& what) {
    const auto excluded = option.get_excludes();
    return std::any_of(excluded.begin(), excluded.end(), [&](const CLI::Option* each) { return each == &what; });
  };
  return names(one, other) || names(other, one) || (IsModel(NameOf(one)) && IsModel(NameOf(other)));
}

}  // namespace

std::vector<Argument> ReadArguments(const CLI::App& app, const std::vector<std::string>& words) {
  const OptionNames names(app);
  // Help goes before what is wrong with the rest.
  for (const std::string& word : words) {
    if (LooksLikeOption(word) && names.Find(NamePart(word)) == app.get_help_ptr()) return {{app.get_help_ptr(), "true"}};
  }
  std::vector<Argument> arguments;
  std::string problems;
  const auto problem = [&problems](const std::string& text) { problems += (problems.empty() ? "" : "; ") + text; };
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!LooksLikeOption(word)) {
      problem("'" + word + "' is not expected: " + app.get_name() + " takes options only");
      continue;
    }
    const std::string name = NamePart(word);
    const bool has_value = name.size() < word.size();
    const bool has_next = i + 1 < words.size();
    const CLI::Option* option = names.Find(name);
    if (option == nullptr) {
      problem(name + " is not an option of " + app.get_name() + names.DidYouMean(name));
      if (!has_value && has_next && !LooksLikeOption(words[i + 1])) ++i;  // its value
      continue;
    }
    if (has_value) {
      arguments.push_back({option, AtHome(*option, word.substr(name.size() + 1))});
    } else if (IsFlag(*option)) {
      arguments.push_back({option, "true"});
    } else if (const char* without = ValueWithout(*option)) {
      const bool given = has_next && !LooksLikeOption(words[i + 1]);
      arguments.push_back({option, given ? words[++i] : without});
    } else if (!has_next || (LooksLikeOption(words[i + 1]) && names.Find(NamePart(words[i + 1])) != nullptr)) {
      problem(name + " needs a value (" + option->get_type_name() + ")" + (has_next ? ", not " + words[i + 1] : ""));
    } else {
      arguments.push_back({option, AtHome(*option, words[++i])});
    }
  }
  if (!problems.empty()) throw UsageError(problems);
  return arguments;
}

std::vector<Argument> Merged(const std::vector<Argument>& files, const std::vector<Argument>& given) {
  std::vector<Argument> merged;
  for (const Argument& one : files) {
    const bool dropped = std::any_of(given.begin(), given.end(), [&](const Argument& other) {
      return one.option == other.option || Excludes(*one.option, *other.option);
    });
    if (!dropped) merged.push_back(one);
  }
  merged.insert(merged.end(), given.begin(), given.end());
  return merged;
}

std::vector<std::string> WordsOf(const std::vector<Argument>& arguments) {
  std::vector<std::string> words;
  for (const Argument& argument : arguments) {
    const std::string name = NameOf(*argument.option);
    if (IsFlag(*argument.option)) {
      words.push_back(argument.value == "true" ? name : name + "=" + argument.value);
    } else {
      words.push_back(name);
      words.push_back(argument.value);
    }
  }
  return words;
}

}  // namespace horizon
