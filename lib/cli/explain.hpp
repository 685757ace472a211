// SPDX-License-Identifier: BSL-1.0
//
// explain: an error of the library as the tool tells it. The library's own texts speak to programmers: they name
// options of the API. The tool makes its sentences from the code of the error and from what it finds out about the
// channel; it takes the library's account of a cause only where that contains no name of the API.
//
// Invariants
//   1. No name of C++ reaches the user, whatever a later library says: an unsuitable text is replaced by the text of
//      its code.
#pragma once

#include "exit_code.hpp"

#include <seqcast/error.hpp>
#include <seqcast/inspect.hpp>
#include <seqcast/options.hpp>
#include <string>

namespace cli {

enum class Attempt { publish, subscribe, inspect, remove };

/// What failed, why, and what to do. `options` are those of Attempt::publish.
Failure refusal(Attempt attempt, const seqcast::Location& location, const seqcast::Error& error,
                const seqcast::PublisherOptions& options = {});

/// Whether the channel has the schema that a text gives. Requires: the text is one.
bool has_same_schema(const seqcast::ChannelIdentity& found, std::string_view text);

} // namespace cli
