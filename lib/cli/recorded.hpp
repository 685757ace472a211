// SPDX-License-Identifier: BSL-1.0
//
// recorded: a recording as sub, dump, info and replay read it: its channels by their names, its messages as
// the bytes that were published.
#pragma once

#include "channel.hpp"
#include "console.hpp"
#include "json_message.hpp"

#include <recording.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cli {

using seqcast::recording::Entry;

class RecordedMessages {
 public:
  /// Opens the recording. What is missing of one that is incomplete is a complaint. `names` are those of
  /// the channels that are wanted; all if there are none. Errors: throws Failure, also for a name that is
  /// not in it.
  RecordedMessages(const std::string& path, const std::vector<std::string>& names, Console& console);

  const seqcast::recording::Recording& recording() const noexcept {
    return recording_;
  }
  /// The channels that are wanted, in the order of their ids. Several may have one name: see Region.
  const std::vector<const seqcast::recording::RecordedChannel*>& channels() const noexcept {
    return channels_;
  }
  /// Whether all of these have one name.
  bool one_name() const noexcept;
  const seqcast::recording::RecordedChannel& channel(std::uint16_t id) const {
    return *recording_.channel(id);
  }

  /// Begins with the first of the messages in this range, by the time at which they were received.
  void read(std::optional<seqcast::recording::Time> from = {}, std::optional<seqcast::recording::Time> to = {});
  /// The next message, as it was published; nothing at the end. Valid until the next call. What is damaged is a
  /// complaint, and left out.
  std::optional<Entry> next();
  /// Whether next() had to leave out something.
  bool damaged() const noexcept {
    return damaged_;
  }

 private:
  Console& console_;
  seqcast::recording::Recording recording_;
  std::vector<const seqcast::recording::RecordedChannel*> channels_;
  std::map<std::uint16_t, JsonMessages> json_; // of channels that are recorded as JSON
  std::optional<seqcast::recording::Cursor> cursor_;
  std::string bytes_;
  bool damaged_ = false;
};

} // namespace cli
