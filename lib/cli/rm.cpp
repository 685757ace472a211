// SPDX-License-Identifier: BSL-1.0
//
// rm: removes channels; with --force even one with a live publisher.
#include "channel.hpp"
#include "explain.hpp"
#include "verb.hpp"

#include <seqcast/error.hpp>

namespace cli {

namespace {

struct RmSettings {
  CLI::Option* names = nullptr;
  bool file = false;
  bool shared_memory = false;
  bool force = false;
};

Exit remove_one(const seqcast::Location& location, bool force, Console& console) {
  seqcast::Error error;
  const bool removed = seqcast::remove_channel(location, {.even_if_alive = force}, error);
  if (removed || (!error && force)) return Exit::ok;
  if (!error) error = {seqcast::Errc::no_channel, {}};
  const Failure failure = refusal(Attempt::remove, location, error);
  console.complain(failure.what());
  return failure.status();
}

Exit remove_all(const RmSettings& settings, Console& console) {
  Exit status = Exit::ok;
  for (const std::string& name : settings.names->results()) {
    const ChannelName channel{name, settings.file, settings.shared_memory};
    const Exit result = remove_one(channel.location(), settings.force, console);
    if (status == Exit::ok) status = result;
  }
  return status;
}

constexpr const char* rm_help =
    "A channel with a live publisher is not removed (exit status 1) unless --force is\n"
    "given. A 'seqcast pub' that publishes to it ends with 5 about half a second later;\n"
    "its subscribers end or, with --follow, wait for a new channel. A file that is no\n"
    "channel is never removed.\n"
    "\n"
    "rm tries all names; the exit status is that of the first failure. With --force a\n"
    "missing channel is no failure.\n"
    "\n"
    "Examples:\n"
    "  seqcast rm news ./log        one in shared memory, and one in a file\n"
    "  seqcast rm --force news      even if a publisher is live";

} // namespace

void add_rm(CLI::App& app, Action& action) {
  auto settings = std::make_shared<RmSettings>();
  CLI::App& verb = add_verb(app, "rm", "Remove channels", rm_help);
  settings->names = verb.add_option("NAME", channel_help)
                        ->required()
                        ->expected(1, CLI::detail::expected_max_vector_size)
                        ->allow_extra_args();
  add_location_flags(verb, settings->file, settings->shared_memory);
  verb.add_flag("--force", settings->force, "Even if a publisher is live, or there is no such channel");
  on_parsed(verb, action, [settings](Console& console) { return remove_all(*settings, console); });
}

} // namespace cli
