// SPDX-License-Identifier: BSL-1.0
//
// announcements: the channels that senders in the network have announced.
//
// Who may call it: poll() the main thread, the rest any thread.
//
// Invariants
//   1. What a peer announces takes bounded memory: most_announced channels, texts of bounded length.
#pragma once

#include "dds.hpp"
#include "notes.hpp"
#include "wire.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace mirror {

class Announcements {
 public:
  /// Whether announcements of this name are taken note of; the others are not even complained about.
  using Wanted = std::function<bool(const std::string& name)>;

  /// `subscriber`: of DDS. Errors: throws cli::Failure.
  Announcements(const Participant& participant, dds_entity_t subscriber, std::uint64_t largest_channel,
                Wanted wanted, Notes& notes);

  /// Waits for announcements, for at most that time; gives the names of those that came.
  std::vector<std::string> poll(dds_duration_t timeout);

  /// Those of that name that may be channels here and have a sender.
  std::vector<Announced> alive(const std::string& name) const;
  /// Whether the sender of that channel has said that it ends; otherwise it may only be silent.
  bool has_ended(const std::string& name, std::uint64_t id) const;

 private:
  using Key = std::pair<std::string, std::uint64_t>;
  struct Entry {
    Announced announced;
    dds_instance_state_t state; // alive, silent or ended
  };
  bool is_acceptable(const Announced& announced);
  bool make_room();

  std::uint64_t largest_channel_;
  Wanted wanted_;
  Notes& notes_;
  Entity topic_;
  Entity reader_;
  ReaderWait wait_;
  mutable std::mutex mutex_; // of what is below
  std::map<Key, Entry> entries_;
};

} // namespace mirror
