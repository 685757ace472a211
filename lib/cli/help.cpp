// SPDX-License-Identifier: BSL-1.0
#include "help.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <sstream>

namespace cli {

namespace {

constexpr std::size_t help_width = 79;
constexpr std::size_t options_column = 26;
constexpr std::size_t verbs_column = 12;

/// "  LEFT    RIGHT", the right column wrapped.
std::string in_columns(const std::string& left, const std::string& right, std::size_t column) {
  std::string text = fmt::format("  {:{}}", left, column - 2);
  if (left.size() + 4 > column) text += fmt::format("\n{:{}}", "", column);
  return text + wrapped(right, column) + '\n';
}

/// Wraps paragraphs; leaves lists and examples, which have indented lines, as they are.
std::string reflowed(const std::string& text) {
  std::string result;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find("\n\n", begin), text.size());
    const std::string paragraph = text.substr(begin, end - begin);
    if (begin > 0) result += "\n\n";
    result += paragraph.find("\n ") == std::string::npos ? wrapped(paragraph, 0) : paragraph;
    begin = end + 2;
  }
  return result;
}

} // namespace

std::string wrapped(const std::string& text, std::size_t column) {
  std::string lines;
  std::size_t used = column;
  std::istringstream words{text};
  for (std::string word; words >> word; used += word.size()) {
    if (used != column && used + 1 + word.size() > help_width) {
      lines += fmt::format("\n{:{}}", "", column);
      used = column;
    } else if (used != column) {
      lines += ' ';
      ++used;
    }
    lines += word;
  }
  return lines;
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const {
  // The usage of a verb begins with the program's name.
  if (app->get_parent() != nullptr) name = fmt::format("{} {}", app->get_parent()->get_name(), app->get_name());
  std::string text = fmt::format("{}\n{}.\n", make_usage(app, name), wrapped(app->get_description(), 0));
  text += make_subcommands(app, mode) + make_positionals(app) + make_groups(app, mode);
  if (!app->get_footer().empty()) text += fmt::format("\n{}\n", reflowed(app->get_footer()));
  return text;
}

std::string HelpFormatter::make_usage(const CLI::App* app, std::string name) const {
  if (app->get_parent() == nullptr) return fmt::format("Usage: {} VERB [OPTION]... [ARGUMENT]...\n", name);
  std::string text = fmt::format("Usage: {} [OPTION]...", name);
  for (const CLI::Option* option : app->get_options()) {
    if (!option->get_positional()) continue;
    const std::string argument =
        fmt::format("{}{}", option->get_single_name(), option->get_expected_max() > 1 ? "..." : "");
    text += fmt::format(fmt::runtime(option->get_required() ? " {}" : " [{}]"), argument);
  }
  return text + '\n';
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  if (is_positional) return in_columns(option->get_single_name(), option->get_description(), options_column);
  // "-n, --count N": the option's text is its argument's name.
  std::string left = option->get_snames().empty() ? "    " : fmt::format("-{}, ", option->get_snames().front());
  for (const std::string& name : option->get_lnames()) left += fmt::format("--{}", name);
  if (!option->get_option_text().empty()) left += fmt::format(" {}", option->get_option_text());
  return in_columns(left, option->get_description(), options_column);
}

std::string HelpFormatter::make_subcommand(const CLI::App* verb) const {
  return in_columns(verb->get_name(), verb->get_description(), verbs_column);
}

} // namespace cli
