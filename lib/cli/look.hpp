// SPDX-License-Identifier: BSL-1.0
//
// look: what the observing verbs have in common: finding channels, opening one for looking, and what there is
// to say about it. Nothing here can disturb a publisher: all of it is seqcast::Inspector.
#pragma once

#include "console.hpp"
#include "table.hpp"

#include <CLI/App.hpp>
#include <nlohmann/json_fwd.hpp>
#include <seqcast/inspect.hpp>

#include <string>
#include <vector>

namespace cli {

/// Opens the channel for looking. Throws Failure where there is none.
seqcast::Inspector inspect(const seqcast::Location& location);
/// The same, or nothing and the reason.
std::optional<seqcast::Inspector> inspect(const seqcast::Location& location, std::error_code& error);

/// Adds the FOLDERs that ls and top look into, beside shared memory.
void add_folders(CLI::App& verb, std::vector<std::string>& folders);

/// The channels in shared memory and in the folders; in `problems`, a sentence for each that cannot be listed.
std::vector<seqcast::Location> find_channels(const std::vector<std::string>& folders,
                                             std::vector<std::string>& problems);

/// "live", "no publisher", "damaged" ... and its colour.
Cell state_cell(const seqcast::ChannelStatus& status);

/// How long ago the newest message was published; nothing if the channel does not say.
std::optional<std::chrono::nanoseconds> age_of_newest(const seqcast::ChannelStatus& status);

/// All that info and ls say of a channel, field by field; the fields are named in `seqcast info --help`.
nlohmann::ordered_json to_json(const seqcast::Inspector& inspector);
/// The same for one that cannot be opened.
nlohmann::ordered_json to_json(const seqcast::Location& location, const std::error_code& error);

/// One line; what is no UTF-8 in it becomes U+FFFD.
std::string to_line(const nlohmann::ordered_json& json);

} // namespace cli
