// SPDX-License-Identifier: BSL-1.0
//
// publisher: the one that sends. Publisher<T> sends messages of one type, BytePublisher messages of any size up
// to the channel's maximum.
//
// Who may call it: one thread at a time per object; handing an object over to another thread is fine if that is
// synchronised. One live publisher per channel, of all processes.
//
// Invariants
//   1. An object that was not moved from holds the channel's lock: nobody else publishes.
//   2. publish() never waits for a subscriber, whatever subscribers do or die of.
//   3. In a forked child an inherited publisher is dead: what it publishes is seen by nobody, and its
//      destructor leaves the channel alone.
#pragma once

#include <seqcast/detail/region.hpp>
#include <seqcast/detail/ring_publisher.hpp>
#include <seqcast/error.hpp>
#include <seqcast/in_place.hpp>
#include <seqcast/message.hpp>
#include <seqcast/options.hpp>

#include <initializer_list>
#include <new>

namespace seqcast::inline v1 {

/// What both kinds of publisher have in common. Movable; a moved-from object may only be assigned or destroyed.
class PublisherBase {
 public:
  /// Sequence of the last message of the channel, by this publisher or one before it; 0 if there is none.
  std::uint64_t head() const noexcept {
    return ring_.head();
  }
  /// This publisher's time in office.
  Epoch epoch() const noexcept {
    return region_.epoch();
  }
  /// Slots. A subscriber may fall this many messages behind, less one, before it loses any.
  std::uint64_t capacity() const noexcept {
    return ring_.geometry().capacity;
  }
  /// Bytes.
  std::uint32_t max_message_size() const noexcept {
    return ring_.geometry().max_message_size;
  }
  /// Whether messages carry their publish time.
  bool timestamps() const noexcept {
    return ring_.geometry().timestamps;
  }
  /// As it was given when this was opened.
  const Location& location() const noexcept {
    return region_.location();
  }

 protected:
  explicit PublisherBase(detail::PublisherRegion region) noexcept
      : region_{std::move(region)},
        ring_{region_.words(), region_.geometry(), region_.head()},
        doorbell_{region_.sleepers_flag(), region_.wake_word()} {}

  static detail::PublisherRegion open_or_raise(const Location& location, const PublisherOptions& options,
                                               const detail::Wanted& wanted) {
    detail::Failure failure;
    auto region = detail::PublisherRegion::open(location, options, wanted, failure);
    if (!region) detail::raise(failure);
    return std::move(*region);
  }

  static std::optional<detail::PublisherRegion> open_or_tell(const Location& location,
                                                             const PublisherOptions& options,
                                                             const detail::Wanted& wanted,
                                                             std::error_code& error) {
    detail::Failure failure;
    auto region = detail::PublisherRegion::open(location, options, wanted, failure);
    error = failure.code;
    return region;
  }

  template <class Size>
  std::uint64_t publish_bytes(const std::byte* from, Size size) noexcept {
    const std::uint64_t time_ns = timestamps() ? detail::monotonic_now() : 0;
    const std::uint64_t sequence = ring_.publish_bytes(from, size, time_ns);
    if (doorbell_.present()) ring_doorbell();
    return sequence;
  }

  template <class Fill>
  std::uint64_t publish_with(std::uint32_t size, Fill&& fill) noexcept {
    const std::uint64_t time_ns = timestamps() ? detail::monotonic_now() : 0;
    const std::uint64_t sequence = ring_.publish(size, time_ns, fill);
    if (doorbell_.present()) ring_doorbell();
    return sequence;
  }

  detail::Word* loan_payload() noexcept {
    return ring_.begin_in_place();
  }
  std::uint64_t commit_loan(std::uint32_t size) noexcept {
    const std::uint64_t time_ns = timestamps() ? detail::monotonic_now() : 0;
    const std::uint64_t sequence = ring_.commit(size, time_ns);
    if (doorbell_.present()) ring_doorbell();
    return sequence;
  }

 private:
  // Out of line: a channel without a bell executes nothing of it.
  void ring_doorbell() noexcept;

  detail::PublisherRegion region_;
  detail::RingPublisher<detail::HardwareAtomics> ring_;
  detail::DoorbellPublisher<detail::HardwareAtomics> doorbell_;
};

/// Publishes messages of type T.
template <Message T>
class Publisher : public PublisherBase {
 public:
  /// Creates the channel, or takes it over from a publisher that closed it or died; its sequence goes on.
  /// Errors: throws std::system_error with an Errc (publisher_alive, wrong_identity, not_a_channel ...) or the
  /// system's own code; the channel, or whatever else lies there, is as it was.
  /// Progress: blocks for system calls; where another publisher holds the lock, 20 ms before it gives up.
  explicit Publisher(const Location& location, const PublisherOptions& options = {})
      : PublisherBase{open_or_raise(location, options, wanted())} {}

  /// The same without exceptions: nothing, and the reason in `error`.
  static std::optional<Publisher> open(const Location& location, const PublisherOptions& options,
                                       std::error_code& error) {
    auto region = open_or_tell(location, options, wanted(), error);
    if (!region) return std::nullopt;
    return Publisher{std::move(*region)};
  }

  /// Publishes one message and gives its sequence.
  /// Progress: wait-free; no allocation. No system call, unless a subscriber sleeps and is to be woken, or the
  /// channel has timestamps and the system no vDSO.
  /// Memory ordering: whoever receives the message sees what happened before this call, and the message whole.
  std::uint64_t publish(const T& message) noexcept {
    return publish_bytes(static_cast<const std::byte*>(static_cast<const void*>(&message)),
                         std::integral_constant<std::uint32_t, sizeof(T)>{});
  }

  /// The next message, to be written where it will be read (in_place.hpp).
  /// Progress: wait-free.
  Loan<T> loan() noexcept {
    return {*this, detail::message_at<T>(loan_payload())};
  }

 private:
  friend class Loan<T>;
  std::uint64_t publish_loaned(std::uint32_t size) noexcept {
    return commit_loan(size);
  }

  explicit Publisher(detail::PublisherRegion region) noexcept : PublisherBase{std::move(region)} {}

  static detail::Wanted wanted() noexcept {
    static_assert(sizeof(T) <= detail::largest_message_size && alignof(T) <= detail::largest_alignment);
    return {.message_size = static_cast<std::uint32_t>(sizeof(T)),
            .message_alignment = static_cast<std::uint32_t>(alignof(T)),
            .schema_tag = schema<T>::tag,
            .schema_name = schema<T>::name};
  }
};

/// Publishes messages of any size up to max_message_size().
class BytePublisher : public PublisherBase {
 public:
  /// As for Publisher.
  explicit BytePublisher(const Location& location, const PublisherOptions& options = {})
      : PublisherBase{open_or_raise(location, options, {})} {}

  /// As for Publisher.
  static std::optional<BytePublisher> open(const Location& location, const PublisherOptions& options,
                                           std::error_code& error) {
    auto region = open_or_tell(location, options, {}, error);
    if (!region) return std::nullopt;
    return BytePublisher{std::move(*region)};
  }

  /// Publishes one message, which may be empty, and gives its sequence.
  /// Errors: throws std::length_error if it is longer than max_message_size(); then nothing was published.
  /// Progress and memory ordering: as for Publisher::publish().
  std::uint64_t publish(std::span<const std::byte> message) {
    check_room(message.size(), 0);
    return publish_bytes(message.data(), static_cast<std::uint32_t>(message.size()));
  }

  /// The same for text; no terminating zero is added.
  std::uint64_t publish(std::string_view text) {
    return publish(std::as_bytes(std::span{text.data(), text.size()}));
  }

  /// Gathers the pieces, in their order, into one message.
  std::uint64_t publish(std::span<const std::span<const std::byte>> pieces) {
    std::size_t size = 0;
    for (const auto piece : pieces) {
      check_room(piece.size(), size);
      size += piece.size();
    }
    return publish_with(static_cast<std::uint32_t>(size), [&](detail::Word* payload) {
      detail::PayloadGatherer<detail::HardwareAtomics> gatherer{payload};
      for (const auto piece : pieces) gatherer.append(piece);
      gatherer.finish();
    });
  }
  /// The same: `publish({header, body})`.
  std::uint64_t publish(std::initializer_list<std::span<const std::byte>> pieces) {
    return publish(std::span<const std::span<const std::byte>>{pieces.begin(), pieces.size()});
  }

  /// Room for the next message, to be written where it will be read (in_place.hpp).
  /// Progress: wait-free.
  ByteLoan loan() noexcept {
    return {*this, {detail::message_at<std::byte>(loan_payload()), max_message_size()}};
  }

 private:
  friend class ByteLoan;
  std::uint64_t publish_loaned(std::size_t size) {
    check_room(size, 0);
    return commit_loan(static_cast<std::uint32_t>(size));
  }

  explicit BytePublisher(detail::PublisherRegion region) noexcept : PublisherBase{std::move(region)} {}

  // Compared without a sum, which could overflow.
  void check_room(std::size_t more, std::size_t already) const {
    if (more > max_message_size() - already) detail::raise_too_long(max_message_size());
  }
};

inline std::uint64_t ByteLoan::commit(std::size_t size) {
  return publisher_->publish_loaned(size);
}

} // namespace seqcast::inline v1
