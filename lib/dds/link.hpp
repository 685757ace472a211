// SPDX-License-Identifier: BSL-1.0
//
// link: what the verbs have in common: their place in the network, and NAMEs on the command line.
#pragma once

#include "verb.hpp"

#include <CLI/App.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace mirror {

struct LinkSettings {
  std::vector<std::string> names;
  bool all = false;
  std::uint32_t domain = 0;
  std::string partition;
  bool quiet = false;
};

/// Adds --domain.
void add_domain(CLI::App& verb, std::uint32_t& domain);
/// Adds NAME..., --all, --domain, --partition and -q.
void add_link(CLI::App& verb, LinkSettings& settings, const char* name_help);
/// Errors: throws cli::Failure unless there are NAMEs, or --all.
void check_names(const LinkSettings& settings);

void add_send(CLI::App& app, cli::Action& action);
void add_receive(CLI::App& app, cli::Action& action);
void add_doctor(CLI::App& app, cli::Action& action);

} // namespace mirror
