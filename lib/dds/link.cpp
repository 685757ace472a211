// SPDX-License-Identifier: BSL-1.0
#include "link.hpp"

#include "exit_code.hpp"
#include "values.hpp"

namespace mirror {

namespace {

constexpr std::uint64_t last_domain = 230; // with the ports of the standard

} // namespace

void add_domain(CLI::App& verb, std::uint32_t& domain) {
  verb.add_option("--domain", domain, "The DDS domain, which both ends have in common [0]")
      ->transform(cli::whole_number(0, last_domain))
      ->option_text("N");
}

void add_link(CLI::App& verb, LinkSettings& settings, const char* name_help) {
  auto* const names = verb.add_option("NAME", settings.names, name_help);
  names->expected(1, CLI::detail::expected_max_vector_size);
  verb.add_flag("--all", settings.all, "All channels")->excludes(names);
  add_domain(verb, settings.domain);
  verb.add_option("--partition", settings.partition, "The DDS partition, which both ends have in common")
      ->option_text("TEXT");
  verb.add_flag("-q,--quiet", settings.quiet, "No notes and no table, only errors");
}

void check_names(const LinkSettings& settings) {
  if (settings.names.empty() && !settings.all)
    throw cli::Failure{cli::Exit::usage, "a NAME is missing, or --all"};
}

} // namespace mirror
