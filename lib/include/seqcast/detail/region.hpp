// SPDX-License-Identifier: BSL-1.0
//
// region: an opened, checked and mapped channel, as seen from the inline code. What is behind it (the mapping,
// the lock, the operating system) is compiled once, in lib/src.
//
// Who may call it: Publisher and Subscriber; one thread at a time per object.
//
// Invariants
//   1. words() stays mapped, at the same address and in full, for as long as the object lives.
//   2. geometry() lies within the mapping: it comes from a private copy of the header that was checked.
//   3. A PublisherRegion holds the channel's exclusive lock; in a forked child it is dead, and writes nothing.
#pragma once

#include <seqcast/detail/doorbell.hpp>
#include <seqcast/detail/slot.hpp>
#include <seqcast/options.hpp>

#include <memory>
#include <string_view>
#include <system_error>

namespace seqcast::inline v1::detail {

/// Why opening failed: the code, and the sentence that goes with it.
struct Failure {
  std::error_code code;
  std::string text;

  explicit operator bool() const noexcept {
    return static_cast<bool>(code);
  }
};

/// Throws the std::system_error that says so.
[[noreturn]] void raise(const Failure& failure);
/// Throws the std::length_error of a message that is longer than `most` bytes. Out of line, as is every throw:
/// headers compile without exceptions.
[[noreturn]] void raise_too_long(std::uint32_t most);

/// What the inline code knows about its caller.
struct Wanted {
  BuildConstants build = {.publisher_options = sizeof(PublisherOptions),
                          .subscriber_options = sizeof(SubscriberOptions)};
  std::optional<std::uint32_t> message_size = {};      // of a typed channel
  std::optional<std::uint32_t> message_alignment = {}; // of a typed channel
  std::uint64_t schema_tag = 0;
  std::string_view schema_name = {};
};

class PublisherRegion {
 public:
  /// Creates the channel, or takes it over. Gives nothing and fills `failure` if that cannot be.
  static std::optional<PublisherRegion> open(const Location& location, const PublisherOptions& options,
                                             const Wanted& wanted, Failure& failure);

  PublisherRegion(PublisherRegion&&) noexcept;
  PublisherRegion& operator=(PublisherRegion&&) noexcept;
  /// Marks the channel closed, wakes whoever sleeps, and gives the lock back.
  ~PublisherRegion();

  Word* words() const noexcept;
  const Geometry& geometry() const noexcept;
  const Identity& identity() const noexcept;
  const Location& location() const noexcept;
  /// Sequence of the last message before this publisher.
  std::uint64_t head() const noexcept;
  Epoch epoch() const noexcept;
  /// The bell's flag; null if there is no bell.
  Word* sleepers_flag() const noexcept;
  /// The word that sleepers watch; null if nobody can sleep.
  Word* wake_word() const noexcept;

 private:
  struct Impl;
  class Opening;
  explicit PublisherRegion(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

class SubscriberRegion {
 public:
  /// Maps the channel, read-only. Gives nothing and fills `failure` if that cannot be.
  static std::optional<SubscriberRegion> open(const Location& location, const SubscriberOptions& options,
                                              const Wanted& wanted, Failure& failure);

  /// The same mapping once more, for another thread.
  SubscriberRegion share() const;

  /// Maps what is behind this region's name by now, whatever the current folder is by now.
  std::optional<SubscriberRegion> open_again(const SubscriberOptions& options, const Wanted& wanted,
                                             Failure& failure) const;

  SubscriberRegion(SubscriberRegion&&) noexcept;
  SubscriberRegion& operator=(SubscriberRegion&&) noexcept;
  ~SubscriberRegion();

  const Word* words() const noexcept;
  const Geometry& geometry() const noexcept;
  const Identity& identity() const noexcept;
  const Location& location() const noexcept;
  /// Messages up to this one count as read, for a subscriber that begins at `start`.
  std::uint64_t cursor(Start start) const noexcept;
  /// No message below this one can be read.
  std::uint64_t oldest() const noexcept;

  bool publisher_alive() const noexcept;
  State state() const noexcept;
  Epoch epoch() const noexcept;
  /// How to sleep on the channel. Looks for the bell again where it is missing or has been replaced.
  DoorbellSubscriber<HardwareAtomics> doorbell();
  /// True if the file was truncated, and this region survived it: it is all zeros then.
  bool truncated() const noexcept;
  /// The same, found out before anybody looks beyond the file's end. Asks the operating system.
  bool find_truncation() const noexcept;
  /// True if another region, or none, is behind the name now.
  bool superseded() const noexcept;
  /// True if another region is behind the name now.
  bool successor_exists() const noexcept;

 private:
  struct Impl;
  class Opening;
  struct OwnBell;
  explicit SubscriberRegion(std::shared_ptr<const Impl> impl) noexcept;
  std::shared_ptr<const Impl> impl_;
  std::unique_ptr<OwnBell> bell_; // null until somebody sleeps
};

} // namespace seqcast::inline v1::detail
