// SPDX-License-Identifier: BSL-1.0
//
// after_crash: what has to hold after a publisher crashed at any instruction: subscribers that had the channel
// open read on, new ones find the same, and a successor with default options goes on with the next sequence.
//
// Who may call it: a test in which no process publishes to the channel.
//
// Invariants
//   1. Messages from before the crash have seed 1, a successor's have seed 2: a mix of both is a torn message.
#pragma once

#include "support/message_kinds.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>

#include <set>

#include <fcntl.h>

namespace test {

inline constexpr std::uint64_t seed_before = 1;
inline constexpr std::uint64_t seed_after = 2;

/// A word of a file, read without the library; nothing if there is no such file.
inline std::optional<std::uint64_t> word_in_file(const std::string& path, std::size_t offset) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::uint64_t word = 0;
  if (file.id() < 0 || ::pread(file.id(), &word, sizeof word, static_cast<off_t>(offset)) != sizeof word) {
    return std::nullopt;
  }
  return word;
}

inline void set_word_in_file(const std::string& path, std::size_t offset, std::uint64_t word) {
  const Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  if (::pwrite(file.id(), &word, sizeof word, static_cast<off_t>(offset)) != sizeof word) raise_errno("pwrite");
}

inline std::set<std::string> names_in(const TemporaryFolder& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator{folder.path()}) {
    names.insert(entry.path().filename().string());
  }
  return names;
}
/// Of new files that never got their own.
inline std::set<std::string> temporary_names_in(const TemporaryFolder& folder) {
  std::set<std::string> names = names_in(folder);
  std::erase_if(names, [](const std::string& name) { return name.find(".seqcast-new-") == std::string::npos; });
  return names;
}

/// One channel of a folder.
template <class Kind>
struct AfterCrash {
  using Publisher = typename Kind::Publisher;
  using Subscriber = typename Kind::Subscriber;
  using Names = std::set<std::string>;

  const TemporaryFolder& folder;
  bool has_bell = true;

  std::string path() const {
    return folder / "channel";
  }
  seqcast::Location place() const {
    return seqcast::file(path());
  }
  std::optional<std::uint64_t> bell_word() const {
    return word_in_file(path() + ".bell", seqcast::detail::bell_word_offset);
  }

  /// Publishes up to `last`, and closes.
  void publish_history(const seqcast::PublisherOptions& options, std::uint64_t last) const {
    Publisher publisher{place(), options};
    while (publisher.head() < last) publisher.publish(Kind::make(publisher.head() + 1, seed_before));
  }

  /// Reads all messages after `last`, without a gap; gives the last sequence read.
  static std::uint64_t read_on(Subscriber& subscriber, std::uint64_t last, std::uint64_t seed) {
    const Watchdog watchdog{"a subscriber to have read everything"};
    for (;; watchdog.check()) {
      const auto received = subscriber.next();
      CHECK_FALSE(subscriber.error());
      if (!received) return last;
      CHECK(received->sequence == ++last);
      CHECK(received->lost == 0);
      CHECK(Kind::whole(*received, seed));
    }
  }

  /// Reads all messages after `last`, some of which may be overwritten; gives the last sequence read.
  static std::uint64_t catch_up(Subscriber& subscriber, std::uint64_t last) {
    const Watchdog watchdog{"a subscriber to have caught up"};
    for (;; watchdog.check()) {
      const auto received = subscriber.next();
      CHECK_FALSE(subscriber.error());
      if (!received) return last;
      CHECK(received->sequence == last + 1 + received->lost);
      CHECK(Kind::whole(*received, seed_before));
      last = received->sequence;
    }
  }

  /// The version of the slot that a message goes into.
  std::uint64_t version_for(std::uint64_t sequence) const {
    constexpr std::size_t slots_offset = 24, slot_stride = 32, capacity = 40; // docs/format.md
    const auto word = [&](std::size_t offset) { return word_in_file(path(), offset).value(); };
    return word(word(slots_offset) + (sequence - 1) % word(capacity) * word(slot_stride));
  }

  /// Checks that a new subscriber finds a sound channel, whose last message is `newest`.
  Subscriber check_late_subscriber(std::uint64_t newest) const {
    Subscriber late{place(), {.start = seqcast::StartPosition::oldest}};
    const std::uint64_t oldest = newest + 2 > late.capacity() ? newest + 2 - late.capacity() : 1;
    CHECK(read_on(late, oldest - 1, seed_before) == newest);
    const auto latest = late.latest();
    CHECK(latest.has_value() == (newest > 0));
    if (latest) CHECK((latest->sequence == newest && Kind::whole(*latest, seed_before)));
    CHECK_FALSE(late.error());
    CHECK(late.lag() == 0);
    CHECK_FALSE(late.publisher_alive());
    // Everything has been read, so the wait reports the state.
    const seqcast::WaitResult reason = late.wait_for(watchdog_timeout);
    CHECK((reason == seqcast::WaitResult::no_publisher || reason == seqcast::WaitResult::closed));
    return late;
  }

  /// Checks that a successor goes on after `newest`, and that `witness` (which may be null) and subscribers
  /// that open the channel before and after it receive its messages. It leaves nothing but the region and
  /// its bell.
  void check_successor(std::uint64_t newest, Subscriber* witness, const Names& left_over = {}) const {
    Subscriber late = check_late_subscriber(newest);
    const std::uint64_t epochs = late.epoch().value().number;
    const auto bell_before = bell_word();
    {
      Publisher successor{place()};
      CHECK(successor.head() == newest);
      CHECK(successor.epoch().number == epochs + 1);
      CHECK(successor.epoch().first_sequence == newest + 1);
      CHECK(late.epoch().value().number == epochs + 1);
      // If this publisher crashes, its successor depends on these.
      CHECK(version_for(newest + 1) == 2 * (newest + 1) - 1);
      CHECK(word_in_file(path(), seqcast::detail::head_offset) == newest);
      // The crashed publisher may have left subscribers asleep.
      if (has_bell) CHECK(bell_word().value_or(0) > bell_before.value_or(0));
      Subscriber later{place()};
      for (const std::uint64_t sequence : {newest + 1, newest + 2}) {
        CHECK(successor.publish(Kind::make(sequence, seed_after)) == sequence);
        CHECK(read_on(late, sequence - 1, seed_after) == sequence);
        CHECK(read_on(later, sequence - 1, seed_after) == sequence);
        if (witness != nullptr) CHECK(read_on(*witness, sequence - 1, seed_after) == sequence);
      }
      if (witness != nullptr) CHECK(witness->state() == seqcast::ChannelState::live);
      if (has_bell) CHECK(late.wakeup() == seqcast::Wakeup::bell);
    }
    CHECK(late.state() == seqcast::ChannelState::closed);
    Names expected = left_over;
    expected.insert("channel");
    if (has_bell) expected.insert("channel.bell");
    CHECK(names_in(folder) == expected);
  }
};

} // namespace test
