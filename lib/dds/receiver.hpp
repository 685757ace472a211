// SPDX-License-Identifier: BSL-1.0
//
// receiver: the samples of one name, into the channel of this machine.
//
// Who may call it: run() is a thread of its own; the rest after it has ended.
//
// Invariants
//   1. Samples are taken of one channel at a time, that which chosen() gives. When it gives another one the
//      data reader is made anew, so that all comes that the other's sender still holds.
//   2. What has arrived of a channel that ends is taken before another one is received.
#pragma once

#include "account.hpp"
#include "announcements.hpp"
#include "dds.hpp"
#include "far_channel.hpp"
#include "notes.hpp"
#include "wire.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

namespace mirror {

/// What all channels of a process share.
struct ReceivingSide {
  const Participant& participant;
  dds_entity_t subscriber; // of DDS: the partition
  const Announcements& announcements;
  const WallClock& clock;
  Notes& notes;
  const FarSettings& settings;
};

class Receiver {
 public:
  Receiver(ReceivingSide side, std::string name);

  /// Receives until a stop is requested.
  void run(const std::stop_token& stop) noexcept;

  const seqcast::Location& location() const noexcept {
    return far_.location();
  }
  const Account& account() const noexcept {
    return far_.account();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void choose();
  bool may_change(bool drained) const;
  void change();
  void receive(const std::stop_token& stop);
  bool take(const seqcast_Message& sample);
  std::size_t batch_size() const noexcept;

  ReceivingSide side_;
  std::string name_;
  FarChannel far_;
  Entity topic_;
  Entity reader_;
  std::optional<Announced> present_; // whose samples are taken
  bool present_alive_ = false;       // whether it has a sender
  bool lost_ = false;                // and whether that was noted, if it has none
  std::optional<Announced> next_;    // whose samples are to be taken
  Clock::time_point next_since_{};
  Clock::time_point next_check_{};
};

} // namespace mirror
