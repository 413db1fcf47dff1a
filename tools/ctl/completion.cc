#include "tools/ctl/completion.h"

#include <vector>

#include "tools/ctl/command.h"
#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

std::vector<const CLI::App*> subcommands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string flags_of(const CLI::App& app) {
  std::string words;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->nonpositional()) continue;
    for (const std::string& name : option->get_lnames()) words += " --" + name;
    for (const std::string& name : option->get_snames()) words += " -" + name;
  }
  return words.empty() ? words : words.substr(1);
}

// The words that an option takes, if there are few: "FORMAT:{table,json,text}".
std::string choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t begin = type.find('{');
  const size_t end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return {};
  std::string words;
  for (const std::string& word : split(type.substr(begin + 1, end - begin - 1), ',')) {
    words += (words.empty() ? "" : " ") + word;
  }
  return words;
}

// What completes a value: a line of bash.
std::string completer_of(const CLI::Option& option) {
  const std::string type = option.get_type_name().substr(0, option.get_type_name().find(':'));
  if (type == kPathType) return "_topoctl_paths";
  if (type == kFileType) return "COMPREPLY=($(compgen -f -- \"$cur\"))";
  if (type == kDirectoryType) return "COMPREPLY=($(compgen -d -- \"$cur\"))";
  const std::string choices = choices_of(option);
  return choices.empty() ? ":" : "COMPREPLY=($(compgen -W '" + choices + "' -- \"$cur\"))";
}

// One case of `$prev`: options of this command that take a value.
std::string value_cases(const CLI::App& app, const std::string& command) {
  std::string text;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->nonpositional() || option->get_expected_max() == 0) continue;
    std::string pattern;
    for (const std::string& name : option->get_lnames()) {
      pattern += (pattern.empty() ? "" : "|") + ("'" + command) + ":--" + name + "'";
    }
    for (const std::string& name : option->get_snames()) {
      pattern += (pattern.empty() ? "" : "|") + ("'" + command) + ":-" + name + "'";
    }
    text += "    " + pattern + ") " + completer_of(*option) + "; return ;;\n";
  }
  return text;
}

// What may stand where no option does.
std::string word_case(const CLI::App& app, const std::string& command) {
  std::string words;
  for (const CLI::App* subcommand : subcommands_of(app)) words += subcommand->get_name() + " ";
  std::string text = "    '" + command + "')\n";
  text += "      flags='" + flags_of(app) + "'\n";
  if (!words.empty()) text += "      words='" + words.substr(0, words.size() - 1) + "'\n";
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    text += "      positional='" + completer_of(*option) + "'\n";
    break;
  }
  return text + "      ;;\n";
}

struct Cases {
  std::string values;
  std::string words;
  std::string commands;  // of which words follow
};

void collect(const CLI::App& app, const std::string& command, Cases& cases) {
  cases.values += value_cases(app, command);
  cases.words += word_case(app, command);
  for (const CLI::App* subcommand : subcommands_of(app)) {
    const std::string name =
        command.empty() ? subcommand->get_name() : command + " " + subcommand->get_name();
    cases.commands += "      '" + name + "') command=\"$next\" ;;\n";
    collect(*subcommand, name, cases);
  }
}

constexpr const char* kBashPaths = R"(# Completion for topoctl: source <(topoctl completion bash)
_topoctl_paths() {
  local parent=${cur%/*} options=() i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --servers|--sphere|--cell|--config|--auth-file)
        options+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}") ;;
    esac
  done
  local names
  names=$(topoctl "${options[@]}" --request-timeout 1 -o text ls "${parent:-/}" 2>/dev/null) ||
    return
  COMPREPLY=($(compgen -P "$parent/" -W "$names" -- "${cur##*/}"))
  compopt -o nospace
}
)";

}  // namespace

std::string bash_completion(const CLI::App& app) {
  Cases cases;
  collect(app, "", cases);
  std::string text = kBashPaths;
  text +=
      "_topoctl() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
      "  local command='' next i flags='' words='' positional=':'\n"
      "  COMPREPLY=()\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    next=\"${command:+$command }${COMP_WORDS[i]}\"\n"
      "    case $next in\n";
  text += cases.commands;
  text +=
      "    esac\n"
      "  done\n"
      "  case \"$command:$prev\" in\n";
  text += cases.values;
  text +=
      "  esac\n"
      "  case \":$prev\" in\n";
  text += value_cases(app, "");
  text +=
      "  esac\n"
      "  case $command in\n";
  text += cases.words;
  text += "  esac\n  if [[ $cur == -* ]]; then\n    COMPREPLY=($(compgen -W \"$flags ";
  text += flags_of(app);
  text +=
      "\" -- \"$cur\"))\n"
      "  elif [[ -n $words ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
      "  else\n"
      "    eval \"$positional\"\n"
      "  fi\n"
      "}\n"
      "complete -F _topoctl topoctl\n";
  return text;
}

std::string zsh_completion(const CLI::App& app) {
  return "autoload -U +X bashcompinit && bashcompinit\n" + bash_completion(app);
}

}  // namespace topod::ctl
