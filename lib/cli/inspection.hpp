// SPDX-License-Identifier: BSL-1.0
//
// inspection: what the observing verbs share: finding channels, opening one for inspection, and its properties
// as text and as JSON. All of it uses seqcast::Inspector, which cannot disturb a publisher.
#pragma once

#include "console.hpp"
#include "table.hpp"

#include <CLI/App.hpp>
#include <nlohmann/json_fwd.hpp>
#include <seqcast/inspect.hpp>

#include <string>
#include <vector>

namespace cli {

/// Opens the channel for inspection. Errors: throws Failure where there is none.
seqcast::Inspector inspect(const seqcast::Location& location);
/// Without exceptions: nothing, and the reason in `error`.
std::optional<seqcast::Inspector> inspect(const seqcast::Location& location, seqcast::Error& error);

/// Adds the FOLDERs that ls and top search, beside shared memory.
void add_folders(CLI::App& verb, std::vector<std::string>& folders);

/// The channels in shared memory and in the folders; `problems` names the places that cannot be listed.
std::vector<seqcast::Location> find_channels(const std::vector<std::string>& folders,
                                             std::vector<std::string>& problems);

/// Time since then; zero for a time in the future, which only a hostile publisher stores.
std::chrono::nanoseconds age_of(std::chrono::steady_clock::time_point published_at);
/// The age of the newest message; nothing if the channel has no timestamps.
std::optional<std::chrono::nanoseconds> age_of_newest(const seqcast::ChannelStatus& status);

/// "live", "no publisher", "damaged" ... and its colour.
Cell state_cell(const seqcast::ChannelStatus& status);
/// The live publisher's process id, or "-".
std::string process_text(const seqcast::ChannelStatus& status);

/// "waited for", "demoted" or "dead", and its colour.
Cell state_cell(const seqcast::ReliableSubscription& subscription);
/// The reliable subscribers, as in `seqcast info --help`.
nlohmann::ordered_json to_json(const std::vector<seqcast::ReliableSubscription>& subscriptions);

/// A channel for info and ls, field by field as in `seqcast info --help`.
nlohmann::ordered_json to_json(const seqcast::Inspector& inspector);
/// A channel that cannot be opened.
nlohmann::ordered_json to_json(const seqcast::Location& location, const seqcast::Error& error);

/// The age in nanoseconds, or null.
nlohmann::ordered_json to_json(const std::optional<std::chrono::nanoseconds>& age);

/// The JSON on one line; what is no UTF-8 in it becomes U+FFFD.
std::string to_line(const nlohmann::ordered_json& json);

} // namespace cli
