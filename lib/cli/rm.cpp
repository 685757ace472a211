// SPDX-License-Identifier: BSL-1.0
//
// rm: removes channels; where a publisher lives only if --force says so.
#include "channel.hpp"
#include "verb.hpp"

#include <seqcast/error.hpp>

namespace cli {

namespace {

struct Settings {
  CLI::Option* names = nullptr;
  bool file = false;
  bool shared_memory = false;
  bool force = false;
};

Exit remove_channel(const seqcast::Location& where, bool force, Console& console) try {
  if (seqcast::remove(where, {.even_if_alive = force}) || force) return Exit::ok;
  console.complain(no_channel_text(where));
  return Exit::not_found;
} catch (const std::system_error& error) {
  console.complain(error.what());
  if (error.code() == seqcast::Errc::publisher_alive) console.note("--force removes it all the same");
  return exit_for(error.code());
}

Exit remove_all(const Settings& settings, Console& console) {
  Exit status = Exit::ok;
  for (const std::string& name : settings.names->results()) {
    const ChannelName channel{name, settings.file, settings.shared_memory};
    const Exit its = remove_channel(channel.location(), settings.force, console);
    if (status == Exit::ok) status = its;
  }
  return status;
}

constexpr const char* footer =
    "A channel whose publisher lives is left alone: exit status 1. With --force its\n"
    "name goes all the same; the publisher goes on and does not notice, its\n"
    "subscribers end or, with --follow, wait for a new channel. A file that is no\n"
    "channel is never removed.\n"
    "\n"
    "Of several names all are tried; the exit status is that of the first failure.\n"
    "With --force it is no failure if there is no such channel.\n"
    "\n"
    "Examples:\n"
    "  seqcast rm news ./log        one in shared memory, and one in a file\n"
    "  seqcast rm --force news      whoever publishes there";

} // namespace

void add_rm(CLI::App& app, Action& action) {
  auto settings = std::make_shared<Settings>();
  CLI::App& verb = add_verb(app, "rm", "Remove channels", footer);
  settings->names = verb.add_option("NAME", channel_help)
                        ->required()
                        ->expected(1, CLI::detail::expected_max_vector_size)
                        ->allow_extra_args();
  add_kinds(verb, settings->file, settings->shared_memory);
  verb.add_flag("--force", settings->force, "Even if a publisher lives, or there is no such channel");
  on_parsed(verb, action, [settings](Console& console) { return remove_all(*settings, console); });
}

} // namespace cli
