#include "samples/horizon/cli/completion.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <sstream>
#include <utility>
#include <vector>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/nearest.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/cli/names.h"
#include "samples/horizon/options/machines.h"
#include "samples/horizon/options/presets.h"

namespace horizon {
namespace {

std::vector<const CLI::Option*> Listed(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->get_group() != kUnlisted; });
}

// The words that an option takes, where they are few and known.
std::vector<std::string> WordsFor(const CLI::Option& option) {
  if (IsFlag(option)) return {};
  const std::string name = NameOf(option), type = option.get_type_name();
  if (name == "--preset") return PresetNames();
  if (name == "--machine") return MachineNames();
  if (name == "--device") return {"auto", "cpu", "cuda"};
  std::vector<std::string> words;
  if (type.find('|') == std::string::npos) return words;
  for (size_t at = 0; at <= type.size();) {
    const size_t end = std::min(type.find('|', at), type.size());
    const std::string word = type.substr(at, end - at);
    // Capitals stand for something: "auto|FILE".
    if (word.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos) words.push_back(word);
    at = end + 1;
  }
  return words;
}

bool TakesFile(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return !IsFlag(option) && (type.find("FILE") != std::string::npos || type.find("DIR") != std::string::npos);
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Between single quotes.
std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) c == '\'' ? void(quoted += "'\\''") : quoted.push_back(c);
  return quoted + "'";
}

// What stands where a subcommand does and is none.
constexpr std::pair<const char*, const char*> kOtherCommands[] = {{"help", "the options of a command"},
                                                                  {"completion", "a script that completes words in a shell"},
                                                                  {"man", "the manual page, or that of a command"}};

std::string Bash(const CLI::App& program) {
  std::string commands, cases;
  for (const CLI::App* command : program.get_subcommands({})) {
    commands += (commands.empty() ? "" : " ") + command->get_name();
    std::string names, values;
    for (const CLI::Option* option : Listed(*command)) {
      names += " " + NameOf(*option);
      const std::string words = Joined(WordsFor(*option));
      if (IsFlag(*option)) continue;
      values += "        " + NameOf(*option) + ") words=" + (words.empty() ? "" : Quoted(words)) +
                (TakesFile(*option) ? " files=1" : "") + " ;;\n";
    }
    cases += "    " + command->get_name() + ")\n      words=" + Quoted(names.substr(1)) + "\n      case $previous in\n" + values +
             "      esac ;;\n";
  }
  return "# bash completion for horizon: horizon completion bash > ~/.local/share/bash-completion/completions/horizon\n"
         "_horizon() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words= files=0\n"
         "  if [[ $current == = ]]; then\n    current=\n"  // "--name=" are two words, and "--name=value" three
         "  elif [[ $previous == = ]]; then\n    previous=${COMP_WORDS[COMP_CWORD-2]}\n  fi\n"
         "  if ((COMP_CWORD == 1)); then\n"
         "    COMPREPLY=($(compgen -W " +
         Quoted(commands + " help completion man --help --version") +
         " -- \"$current\"))\n    return\n  fi\n"
         "  case ${COMP_WORDS[1]} in\n" +
         cases + "    help|man) words=" + Quoted(commands) +
         " ;;\n    completion) words='bash zsh fish' ;;\n  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  if [[ $files == 1 ]]; then\n    compopt -o filenames 2>/dev/null\n"
         "    COMPREPLY+=($(compgen -f -- \"$current\"))\n  fi\n"
         "  return 0\n"  // compgen's status is 1 where nothing is offered, which is no failure
         "}\ncomplete -F _horizon horizon\n";
}

// For a description between brackets.
std::string ZshText(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string Zsh(const CLI::App& program) {
  std::string commands, cases;
  for (const CLI::App* command : program.get_subcommands({})) {
    commands += "    " + Quoted(ZshText(command->get_name()) + ":" + command->get_description()) + "\n";
    cases += "    " + command->get_name() + ")\n      _arguments \\\n";
    for (const CLI::Option* option : Listed(*command)) {
      std::string spec = (TakesSeveral(*option) ? "*" : "") + NameOf(*option) + "[" + ZshText(option->get_description()) + "]";
      const std::string words = Joined(WordsFor(*option));
      if (!words.empty()) spec += TakesFile(*option) ? ":value:{compadd " + words + "; _files}" : ":value:(" + words + ")";
      if (words.empty() && !IsFlag(*option)) spec += TakesFile(*option) ? ":file:_files" : ":value:";
      cases += "        " + Quoted(spec) + " \\\n";
    }
    cases += "        && return ;;\n";
  }
  std::string others = "    commands+=(";
  for (const auto& [name, does] : kOtherCommands)
    others += (others.ends_with('(') ? "" : " ") + Quoted(name + (":" + ZshText(does)));
  others += ")\n";
  return "#compdef horizon\n# zsh completion for horizon: horizon completion zsh > a folder of $fpath/_horizon\n"
         "_horizon() {\n  local -a commands\n  commands=(\n" +
         commands +
         "  )\n"
         "  if ((CURRENT == 2)); then\n" +
         others +
         "    _describe command commands\n    return\n  fi\n"
         "  local command=${words[2]}\n  shift words\n  ((CURRENT--))\n  case $command in\n" +
         cases +
         "    completion) _values shell bash zsh fish ;;\n    help|man) _describe command commands ;;\n  esac\n}\n"
         // A file of $fpath is the function's body, which completion is waiting for; one that is sourced is only to register it.
         "if [[ $funcstack[1] == _horizon ]]; then\n  _horizon \"$@\"\nelse\n  compdef _horizon horizon\nfi\n";
}

std::string Fish(const CLI::App& program) {
  std::string commands,
      text =
          "# fish completion for horizon: horizon completion fish > ~/.config/fish/completions/horizon.fish\ncomplete -c horizon "
          "-f\n";
  for (const CLI::App* command : program.get_subcommands({})) {
    const std::string name = command->get_name();
    commands += (commands.empty() ? "" : " ") + name;
    text += "complete -c horizon -n __fish_use_subcommand -a " + name + " -d " + Quoted(command->get_description()) + "\n";
    for (const CLI::Option* option : Listed(*command)) {
      const std::string words = Joined(WordsFor(*option));
      text += "complete -c horizon -n '__fish_seen_subcommand_from " + name + "' -l " + NameOf(*option).substr(2);
      if (!words.empty()) text += (TakesFile(*option) ? " -r -F -a " : " -x -a ") + Quoted(words);
      if (words.empty() && !IsFlag(*option)) text += TakesFile(*option) ? " -r -F" : " -x";
      text += " -d " + Quoted(option->get_description()) + "\n";
    }
  }
  for (const auto& [name, does] : kOtherCommands)
    text += std::string("complete -c horizon -n __fish_use_subcommand -a ") + name + " -d " + Quoted(does) + "\n";
  return text + "complete -c horizon -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n" +
         "complete -c horizon -n '__fish_seen_subcommand_from help man' -a " + Quoted(commands) + "\n";
}

// Text of roff: a backslash or a dash is written so that it is seen as one, no line begins a request, and what is not ASCII, which
// roff does not read, is written by its number.
std::string Roff(const std::string& text) {
  std::string escaped = !text.empty() && (text[0] == '.' || text[0] == '\'') ? "\\&" : "";
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else if (c >= 0xC0) {  // UTF-8: as many bytes follow as the first has more leading ones than one
      uint32_t code = c & (c < 0xE0 ? 0x1F : c < 0xF0 ? 0x0F : 0x07);
      for (; i + 1 < text.size() && (text[i + 1] & 0xC0) == 0x80; ++i) code = code << 6 | (text[i + 1] & 0x3F);
      escaped += Format("\\[u%04X]", code);
    } else {
      escaped += text[i];
    }
  }
  return escaped;
}

std::string RoffRow(const CLI::Option& option) {
  std::string row = ".TP\n\\fB" + Roff(NameOf(option)) + "\\fR";
  if (!IsFlag(option)) row += " \\fI" + Roff(option.get_type_name()) + "\\fR";
  row += "\n" + Roff(option.get_description());
  if (!option.get_default_str().empty()) row += " (default: " + Roff(option.get_default_str()) + ")";
  const std::string others = Joined(OtherNames(option));
  if (!others.empty()) row += "; also " + Roff(others);
  return row + "\n";
}

std::string RoffHead(const std::string& name, const std::string& version) {
  return ".TH " + name + " 1 \"\" \"Horizon\\-LM " + Roff(version) +
         "\" \"User Commands\"\n"
         ".fchar \\[u27E6] [[\n.fchar \\[u27E7] ]]\n";  // the brackets of show-mask, for a terminal without them
}

// What --help has behind a subcommand's options, as paragraphs, and the options by groups, each under a heading of the kind.
std::string RoffOptions(const CLI::App& command) {
  std::string text;
  std::istringstream footer(command.get_footer());
  for (std::string paragraph; std::getline(footer, paragraph);) text += ".PP\n" + Roff(paragraph) + "\n";
  for (const std::string& group : command.get_groups()) {
    const auto options = command.get_options([&](const CLI::Option* option) { return option->get_group() == group; });
    if (options.empty() || group == kUnlisted) continue;
    text += ".SS " + Roff(group) + "\n";
    for (const CLI::Option* option : options) text += RoffRow(*option);
  }
  return text;
}

}  // namespace

std::string CompletionScript(const CLI::App& program, const std::string& shell) {
  if (shell == "bash") return Bash(program);
  if (shell == "zsh") return Zsh(program);
  if (shell == "fish") return Fish(program);
  throw UsageError("completion: '" + shell + "' is not one of bash|zsh|fish" + DidYouMean(shell, {"bash", "zsh", "fish"}));
}

std::string ManualPage(const CLI::App& program, const std::string& version) {
  std::string page = RoffHead("HORIZON", version) +
                     ".SH NAME\nhorizon \\- train, evaluate and try large language models from host memory\n"
                     ".SH SYNOPSIS\n.B horizon\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
                     ".SH DESCRIPTION\n" +
                     Roff(program.get_description()) + "\n.SH COMMANDS\n";
  for (const CLI::App* command : program.get_subcommands({})) {
    page += ".TP\n\\fB" + Roff(command->get_name()) + "\\fR\n" + Roff(command->get_description()) + "\n";
  }
  for (const CLI::App* command : program.get_subcommands({})) {
    page += ".SH OPTIONS OF " + Roff(command->get_name()) + "\n" + RoffOptions(*command);
  }
  return page +
         ".SH FILES\n.B \\-\\-config\ntakes YAML or JSON files of options by their names.\n.SH EXIT STATUS\n"
         "0 where all went well, 1 for an error, 2 for a command line that cannot be understood, 128 plus a signal where it "
         "ended a run.\n"
         ".SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR\nno colours\n.TP\n\\fBCOLUMNS\\fR\nthe width of help\n"
         ".TP\n\\fBHORIZON_LM_CALIBRATION\\fR\nthe file that keeps what was measured of the machine, instead of "
         "~/.cache/horizon\\-lm/calibration.txt\n"
         ".TP\n\\fBHORIZON_LM_CARRIER\\fR\nwhat carries arrays between processes where \\-\\-group\\-carrier is auto: auto, "
         "gloo, "
         "nccl or mpi\n";
}

std::string CommandManualPage(const CLI::App& command, const std::string& version) {
  std::string title = "HORIZON-" + command.get_name();
  for (char& c : title) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const std::string name = Roff(command.get_name());
  return RoffHead(Roff(title), version) + ".SH NAME\nhorizon\\-" + name + " \\- " + Roff(command.get_description()) +
         "\n.SH SYNOPSIS\n.B horizon " + name + "\n[\\fIOPTIONS\\fR]\n.SH OPTIONS\n" + RoffOptions(command) +
         ".SH SEE ALSO\n.BR horizon (1)\n";
}

}  // namespace horizon
