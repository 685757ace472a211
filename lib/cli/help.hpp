// SPDX-License-Identifier: BSL-1.0
//
// help: how --help looks: the usage, what it is, the options, more sections, examples; nothing wider than 80
// columns, and all of it in the form that help2man makes a page of.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace cli {

/// The text in lines of 79 columns at most; the first begins at that column, the others are indented to it.
std::string wrapped(const std::string& text, std::size_t column);

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_subcommand(const CLI::App* verb) const override;
};

} // namespace cli
