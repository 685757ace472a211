// SPDX-License-Identifier: BSL-1.0
//
// help: the layout of --help: usage, description, options, further sections, examples; at most 80 columns, and
// in the form that man.sh turns into a manual page.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace cli {

/// The text in lines of at most 79 columns. The first line begins at `column`; the others are indented to it.
std::string wrapped(const std::string& text, std::size_t column);

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_subcommand(const CLI::App* verb) const override;
};

} // namespace cli
