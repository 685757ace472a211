// SPDX-License-Identifier: BSL-1.0
//
// sender: one channel of this machine, as samples in the network. It reads the channel by best effort, so its
// publisher never notices; what the ring loses while the network is slow is counted, as for any subscriber.
//
// Who may call it: run() is a thread of its own; the rest after it has ended.
//
// Invariants
//   1. Samples are in the order of their sequences, those of one region behind those of the one before it.
//   2. A mark (closed, died) comes behind the last message that the publisher has published.
//   3. A data reader that does not acknowledge costs the others at most 100 ms in each second.
#pragma once

#include "account.hpp"
#include "announcements.hpp"
#include "dds.hpp"
#include "epochs.hpp"
#include "notes.hpp"
#include "wire.hpp"

#include <seqcast/seqcast.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace mirror {

/// What all channels of a process share.
struct SendingSide {
  const Participant& participant;
  dds_entity_t publisher;  // of DDS: the partition
  dds_entity_t announcing; // the data writer of announcements
  const Announcements& announcements;
  const WallClock& clock;
  Notes& notes;
  std::int32_t strength;
};

class Sender {
 public:
  /// `name`: in the network.
  Sender(SendingSide side, seqcast::Location location, std::string name);

  /// Sends until a stop is requested. A channel that is not there, or that cannot be sent, is waited for.
  void run(const std::stop_token& stop) noexcept;

  const std::string& name() const noexcept {
    return name_;
  }
  const Account& account() const noexcept {
    return account_;
  }

  /// Why the channel may not be sent; nothing if it may.
  static std::optional<std::string> refusal_of(const seqcast::ChannelIdentity& identity);

 private:
  using Clock = std::chrono::steady_clock;

  bool open();
  void begin_region();
  void end_region();
  void send_region(const std::stop_token& stop);
  void give_up(const std::string& why);
  void send(const seqcast::ReceivedBytes& message, const std::stop_token& stop);
  void send_mark(seqcast_State state, const std::stop_token& stop);
  void write(const seqcast_Message& sample, const std::stop_token& stop);
  void wait_for_data_readers();
  void announce(seqcast_State state);
  void watch();
  void watch_publisher();
  void watch_others();

  SendingSide side_;
  seqcast::Location location_;
  std::string name_;
  std::string topic_name_;
  Entity topic_;
  Account account_;
  std::uint64_t unreadable_ = 0; // id of a region that was given up

  // Of the region that is being sent:
  std::optional<seqcast::ByteSubscriber> subscriber_;
  Announced announced_;
  Entity writer_;
  std::optional<cli::Epochs> epochs_;
  std::optional<seqcast_State> gone_; // how the publisher has gone
  Clock::time_point gone_since_{};
  bool stands_by_ = false;      // another sender is stronger
  int in_vain_ = 0;             // times that a message was announced and none was there
  std::uint64_t in_flight_ = 0; // bytes since it was last waited for all data readers
  Clock::time_point next_flow_control_{};
  Clock::time_point next_watch_{};
  Clock::time_point next_announcement_{};
};

} // namespace mirror
