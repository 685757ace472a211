// SPDX-License-Identifier: BSL-1.0
//
// far_channel: the channel of this machine that mirrors one of another machine. It is made when the first
// sample comes, closed when its origin is, and opened again with the next message.
//
// Who may call it: one thread at a time.
//
// Invariants
//   1. A region has the messages of one id only. Another origin of the name, or the same one after it went back
//      in time, replaces the region.
//   2. Sequences are those of the origin; what did not come is a gap. What came before is dropped.
//   3. No channel that is no mirror is replaced, unless the user has asked for it.
#pragma once

#include "account.hpp"
#include "notes.hpp"
#include "wire.hpp"

#include <seqcast/seqcast.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace mirror {

/// What the user has given for all of them.
struct FarSettings {
  std::string prefix;
  std::uint64_t largest_channel = std::uint64_t{1} << 30; ///< bytes
  bool replace = false;                                   ///< also channels that are no mirrors
};

class FarChannel {
 public:
  FarChannel(const std::string& name, const FarSettings& settings, const WallClock& clock, Notes& notes);

  /// The id of the mirror that is here already; 0 if there is none.
  std::uint64_t standing_id() const;

  /// Publishes a message, or takes note of a mark. What contradicts the announcement is dropped, and complained
  /// about once. Requires: problem_of(announced) has found nothing.
  void take(const seqcast_Message& sample, const Announced& announced);
  /// To be called when no sample is there: closes the channel if a mark was the last one. Behind a mark in a
  /// history that comes again there are messages.
  void settle();
  /// Whether a mark was the last sample of that channel, or it was never opened.
  bool is_closed(std::uint64_t id) const noexcept {
    return !publisher_ || id_ != id || ended_;
  }
  /// Nobody sends it any more.
  void lose_senders();
  /// Finds out whether the channel was removed meanwhile; to be called from time to time.
  void check_name();

  const seqcast::Location& location() const noexcept {
    return location_;
  }
  const Account& account() const noexcept {
    return account_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  bool open(const Announced& announced);
  bool may_replace(const Announced& announced, bool& replace);
  bool goes_back(const seqcast_Message& sample) const;
  void publish(const seqcast_Message& sample);
  void end_at(const seqcast_Message& sample);
  void close(const std::string& how);
  void complain(const std::string& text);

  std::string name_;
  FarSettings settings_;
  const WallClock& clock_;
  Notes& notes_;
  seqcast::Location location_;
  std::optional<seqcast::BytePublisher> publisher_;
  std::uint64_t id_ = 0;              // of the region that was opened last
  std::uint64_t closed_at_ = 0;       // its head, when it was closed
  std::optional<seqcast_Kind> ended_; // by the mark that was the last sample
  bool removed_ = false;              // and is to be made anew
  Clock::time_point next_attempt_{};
  Account account_;
};

} // namespace mirror
