// SPDX-License-Identifier: BSL-1.0
#include "command_line.hpp"

#include "console.hpp"
#include "help.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

namespace cli {

namespace {

void describe(CLI::App& app, const Program& program) {
  app.name(program.name);
  app.description(program.description);
  const auto formatter = std::make_shared<HelpFormatter>();
  formatter->label("Positionals", "Arguments");
  app.formatter(formatter);
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("-V,--version", program.name + " " SEQCAST_VERSION, "Print the version and exit");
  app.require_subcommand(1);
  app.footer(program.footer);
}

// Precedes a word that the parser must not interpret. Removed again from the arguments of a verb.
constexpr char literal_mark = '\x01';

/// Whether CLI11 would interpret the word: "[a,b]", "{}", "++".
bool is_interpreted(const std::string& word) {
  return !word.empty() && std::string_view{"[{%+"}.find(word.front()) != std::string_view::npos;
}

/// The words in reverse order, as the parser expects them, with a mark on those that it must not interpret: all
/// after "--", and those of is_interpreted(). "help VERB" is "VERB --help".
std::vector<std::string> words_of(int argc, char** argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.resize(std::min<std::size_t>(words.size(), 1));
    words.emplace_back("--help");
  }
  const auto marker = std::find(words.begin(), words.end(), "--");
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (word > marker || is_interpreted(*word) || word->starts_with(literal_mark))
      word->insert(0, 1, literal_mark);
  }
  if (marker != words.end()) words.erase(marker);
  std::reverse(words.begin(), words.end());
  return words;
}

void accept_literal_words(CLI::App& app) {
  const CLI::Validator unmark{[](std::string& word) {
                                if (word.starts_with(literal_mark)) word.erase(0, 1);
                                return std::string{};
                              },
                              ""};
  for (CLI::App* const verb : app.get_subcommands({})) {
    for (CLI::Option* const option : verb->get_options()) {
      if (option->get_positional()) option->transform(unmark);
    }
  }
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "'" : " '") + word + "'";
  return text;
}

/// What the verb cannot do with the words that it does not expect.
std::string extra_words_text(const CLI::App& verb) {
  std::vector<std::string> extras = verb.remaining();
  for (std::string& word : extras) {
    if (word.starts_with(literal_mark)) {
      word.erase(0, 1);
      continue;
    }
    if (!word.starts_with('-')) continue;
    return "there is no option '" + word + "'; before an argument that begins with a dash, write --";
  }
  return joined(extras) + (extras.size() == 1 ? " is one argument" : " are arguments") + " too many";
}

/// Two options of the verb that were given and exclude each other; nothing if that is not what is wrong.
std::optional<std::string> contradiction_text(const CLI::App& verb) {
  for (const CLI::Option* const option : verb.get_options()) {
    for (const CLI::Option* const other : option->get_excludes()) {
      if (option->count() == 0 || other->count() == 0) continue;
      return option->get_name() + " and " + other->get_name() + " contradict each other";
    }
  }
  return std::nullopt;
}

/// What is wrong with the words behind a verb. The texts of CLI11 are taken only where it has a text of ours.
std::string verb_error_text(const CLI::App& verb, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) return extra_words_text(verb);
  if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr) {
    if (const auto text = contradiction_text(verb)) return *text;
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    for (const CLI::Option* const option : verb.get_options()) {
      if (option->get_required() && option->count() == 0)
        return (option->get_positional() ? "a " : "--") + option->get_single_name() + " is missing";
    }
  }
  std::string text = error.what(); // "--size: ..."
  const std::size_t end = text.find(": ");
  if (end == std::string::npos) return text;
  const std::string option = text.substr(0, end);
  if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr) return option + text.substr(end + 1);
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) return option + " needs a value behind it";
  return text;
}

/// What is wrong with a command line, and where to read more.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error,
                        const std::vector<std::string>& words) {
  const std::string& program = app.get_name();
  const auto verbs = app.get_subcommands();
  const bool before_verb = !app.remaining().empty();
  if (!verbs.empty() && before_verb) {
    return "there is no option '" + app.remaining().front() + "' before a verb; see " + program + " " +
           verbs.front()->get_name() + " --help";
  }
  if (!verbs.empty()) {
    return verb_error_text(*verbs.front(), error) + "; see " + program + " " + verbs.front()->get_name() +
           " --help";
  }
  if (words.empty()) return "a verb is missing; " + program + " --help lists the verbs";
  return "there is no option '" + words.back() + "' before a verb; see " + program + " --help";
}

/// The first option that was given a value and takes none, as in --json=5. CLI11 takes some values for "off".
std::optional<std::string> flag_with_value(const CLI::App& app, const std::vector<std::string>& words) {
  for (auto word = words.rbegin(); word != words.rend(); ++word) {
    if (!word->starts_with('-') || word->find('=') == word->npos) continue;
    const std::string name = word->substr(0, word->find('='));
    const CLI::Option* const option = app.get_option_no_throw(name);
    if (option != nullptr && option->get_expected_max() == 0) return name;
  }
  return std::nullopt;
}

/// Nothing if the command line names a verb; otherwise the exit status.
std::optional<Exit> parse(CLI::App& app, const std::vector<std::string>& words, Console& console) try {
  // Before --help is read, which the parser would take for that of the program.
  const auto is_named = [&words](const CLI::App* verb) { return verb->get_name() == words.back(); };
  const bool has_verb = !words.empty() && !words.back().starts_with('-');
  const auto named = has_verb ? app.get_subcommands(is_named) : std::vector<CLI::App*>{};
  if (has_verb && named.empty()) {
    console.complain("there is no verb '" + words.back() + "'; " + app.get_name() + " --help lists the verbs");
    return Exit::usage;
  }
  if (const auto flag = flag_with_value(has_verb ? *named.front() : app, words)) {
    console.complain(*flag + " takes no value; see " + app.get_name() + (has_verb ? " " + words.back() : "") +
                     " --help");
    return Exit::usage;
  }
  auto unread = words;
  app.parse(unread);
  return std::nullopt;
} catch (const CLI::Success& request) { // --help, --version
  std::ostringstream text;
  app.exit(request, text, text);
  console.out.print(text.str());
  return Exit::ok;
} catch (const CLI::ParseError& error) {
  console.complain(usage_error(app, error, words));
  return Exit::usage;
}

Exit run(const Program& program, int argc, char** argv, Console& console) {
  CLI::App app;
  Action action;
  describe(app, program);
  program.add_verbs(app, action);
  accept_literal_words(app);
  if (const auto ended = parse(app, words_of(argc, argv), console)) return *ended;
  return action(console);
}

/// Turns an exception into a line on standard error and a status.
Exit run_or_complain(const Program& program, int argc, char** argv, Console& console) try {
  const Exit status = run(program, argc, argv, console);
  console.out.flush();
  return status;
} catch (const OutputClosed&) {
  return Exit::ok;
} catch (const Failure& failure) {
  console.complain(failure.what());
  return failure.status();
} catch (const std::exception& error) {
  console.complain(error.what());
  return Exit::failure;
}

} // namespace

int run_program(const Program& program, int argc, char** argv) {
  platform::ensure_standard_streams();
  const Stop stop;
  Console console{program.name, stop};
  const Exit status = run_or_complain(program, argc, argv, console);
  console.err.flush();
  if (status == Exit::interrupted && stop.signal() != 0) platform::end_by(stop.signal());
  return static_cast<int>(status);
}

} // namespace cli
