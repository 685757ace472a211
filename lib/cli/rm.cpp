// SPDX-License-Identifier: BSL-1.0
//
// rm: removes channels that no live publisher has open.
#include "channel.hpp"
#include "verb.hpp"

#include <seqcast/options.hpp>

namespace cli {

namespace {

Exit remove_channel(const seqcast::Location& where, Console& console) try {
  if (seqcast::remove(where)) return Exit::ok;
  console.complain(no_channel_text(where));
  return Exit::not_found;
} catch (const std::system_error& error) {
  console.complain(error.what());
  return exit_for(error.code());
}

} // namespace

void add_rm(CLI::App& app, Action& action) {
  auto channel = std::make_shared<ChannelName>();
  CLI::App& verb = add_verb(app, "rm", "Remove a channel",
                            "Examples:\n"
                            "  seqcast rm news                   remove what 'seqcast pub news' made");
  add_channel(verb, *channel);
  on_parsed(verb, action, [channel](Console& console) { return remove_channel(channel->location(), console); });
}

} // namespace cli
