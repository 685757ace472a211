// SPDX-License-Identifier: BSL-1.0
//
// publisher: the one that sends. Publisher<T> sends messages of one type, BytePublisher messages of any size up
// to the channel's maximum. A Loan is the next message in place: it is written where subscribers will read it,
// without a copy.
//
//     seqcast::Publisher<Quote> quotes{seqcast::shared_memory("quotes")};
//     quotes.publish({.bid = 1.5, .ask = 1.75});
//
// Who may call it: one thread at a time per object. Another thread may use an object after a synchronised
// handover. One live publisher per channel, of all processes.
//
// Invariants
//   1. An object that was not moved from holds the channel's lock: no other publisher publishes.
//   2. publish() never waits for a subscriber, even if one stalls or crashes; but for reliable ones, if
//      PublisherOptions::max_blocking_time is set, and then for at most that time.
//   3. In a forked child an inherited publisher is dead: what it publishes reaches nobody, and its destructor
//      leaves the channel alone.
#pragma once

#include <seqcast/detail/doorbell.hpp>
#include <seqcast/detail/region.hpp>
#include <seqcast/detail/ring.hpp>
#include <seqcast/error.hpp>
#include <seqcast/message.hpp>
#include <seqcast/options.hpp>

#include <initializer_list>
#include <utility>

namespace seqcast::inline v1 {

/// What both kinds of publisher have in common. A moved-from publisher may only be assigned or destroyed.
class AnyPublisher {
 public:
  AnyPublisher(const AnyPublisher&) = delete;
  AnyPublisher& operator=(const AnyPublisher&) = delete;

  /// Sequence of the last message of the channel, by this publisher or one before it; 0 if there is none.
  std::uint64_t head() const noexcept {
    return ring_.head();
  }
  /// This publisher's tenure; of a mirror the origin's, number 0 if none is known yet.
  Epoch epoch() const noexcept;
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
  /// Whether the channel takes skip(): PublisherOptions::gaps.
  bool gaps() const noexcept {
    return ring_.geometry().gaps;
  }

  /// Leaves out the next `count` sequences, and gives the last of them, which is head() then: for messages that
  /// exist, but never came here. Subscribers count them as lost. From capacity() on all messages before them
  /// are discarded.
  /// Errors: throws std::logic_error if the channel has no gaps(), std::length_error if the last one would be
  /// above 2^60; nothing is skipped then.
  /// Progress: wait-free, in time that grows with `count` up to capacity() only; system calls as for publish().
  /// With max_blocking_time: blocks as publish() does, from capacity() on until all reliable subscribers have
  /// received head(), for at most that time.
  std::uint64_t skip(std::uint64_t count);

  /// Reliable subscribers that this publisher waits for; one that has died counts until it is in the way.
  /// Progress: wait-free.
  std::size_t reliable_subscribers() const noexcept;
  /// As it was given when this was opened.
  const Location& location() const noexcept;
  /// ChannelState::live while the name leads to this publisher's region. ChannelState::superseded when it was
  /// removed, or leads to another region: subscribers that open the channel from now on do not find this one.
  /// Progress: a system call.
  ChannelState state() const noexcept;

 protected:
  using Word = detail::Word;

  /// Errors: throws std::system_error.
  AnyPublisher(const Location& location, const PublisherOptions& options,
               const detail::ExpectedIdentity& expected);
  /// Without exceptions: null, and the reason in `error`.
  static detail::Owner<detail::PublisherRegion> open_region(const Location& location,
                                                            const PublisherOptions& options,
                                                            const detail::ExpectedIdentity& expected,
                                                            Error& error);
  explicit AnyPublisher(detail::Owner<detail::PublisherRegion> region) noexcept;

  // Protected, so that no publisher of one type is assigned to one of another.
  AnyPublisher(AnyPublisher&&) noexcept = default;
  AnyPublisher& operator=(AnyPublisher&&) noexcept = default;
  ~AnyPublisher() = default;

  template <class Size>
  std::uint64_t publish_bytes(const std::byte* from, Size size) noexcept {
    before_message();
    const std::uint64_t time_ns = ring_.geometry().timestamps ? detail::HardwarePolicy::now() : 0;
    const std::uint64_t sequence = ring_.publish(from, size, time_ns);
    if (doorbell_) [[likely]]
      doorbell_->after_message(wake_all);
    return sequence;
  }

  /// BytePublisher::publish_as(), of a message that the channel takes.
  std::uint64_t publish_origins(const BytesRef& message, const Delivery& delivery, const Epoch& epoch);

  /// `count` messages of `size` bytes each, which lie one behind the other.
  template <class Size>
  std::uint64_t publish_batch(const std::byte* from, Size size, std::size_t count) noexcept {
    const std::uint64_t time_ns = ring_.geometry().timestamps ? detail::HardwarePolicy::now() : 0;
    for (std::size_t i = 0; i < count; ++i) {
      before_message();
      ring_.publish(from + i * size, size, time_ns);
    }
    if (doorbell_ && count > 0) doorbell_->after_message(wake_all);
    return ring_.head();
  }

  template <class Store>
  std::uint64_t publish_with(std::uint32_t size, const Store& store_to) noexcept {
    before_message();
    const std::uint64_t time_ns = ring_.geometry().timestamps ? detail::HardwarePolicy::now() : 0;
    const std::uint64_t sequence = ring_.publish_with(size, time_ns, store_to);
    if (doorbell_) [[likely]]
      doorbell_->after_message(wake_all);
    return sequence;
  }

  Word* open_payload() noexcept {
    return ring_.open_payload();
  }

  /// Whether messages have one size only, that of the fields of the channel's schema.
  bool has_fixed_size() const noexcept {
    return smallest_size_ > 0;
  }
  /// Whether the channel takes a message of this size. One comparison: what is too small wraps around.
  bool takes(std::size_t size) const noexcept {
    return size - smallest_size_ <= size_range_;
  }
  /// The sum, or the largest number if that is smaller.
  static std::size_t bounded_sum(std::size_t one, std::size_t other) noexcept {
    return other > SIZE_MAX - one ? SIZE_MAX : one + other;
  }
  /// Throws the std::length_error of a message that the channel does not take.
  [[noreturn]] void raise_wrong_size(std::size_t size) const;

  /// Whether the next message can be published without waiting for a reliable subscriber.
  bool has_room() noexcept {
    return ring_.head() < limit_ || find_room();
  }
  /// Whether so many sequences are left for skip().
  bool can_skip(std::uint64_t count) const noexcept {
    return count == 0 ||
           (count <= detail::largest_skip_head && ring_.head() <= detail::largest_skip_head - count);
  }
  /// has_room() for a skip() of capacity() and more.
  bool has_room_for_jump() noexcept;

 private:
  friend class LoanBase;

  /// One comparison for both: whether a reliable subscriber may be in the way of the next message, and whether it is
  /// time to read the clock for the pace.
  void before_message() noexcept {
    if (ring_.head() >= stop_at_) [[unlikely]]
      stop();
  }
  void stop() noexcept;
  bool find_room() noexcept;
  /// What a reliable subscriber has to have room for before all slots are opened: so it has received head().
  std::uint64_t last_before_jump() const noexcept;

  /// Wakes all who sleep on the word.
  static void wake_all(const detail::Word* word) noexcept;

  detail::Owner<detail::PublisherRegion> region_;
  detail::RingPublisher<detail::HardwarePolicy> ring_{};
  std::optional<detail::DoorbellPublisher<detail::HardwarePolicy>> doorbell_{}; // none if subscribers poll
  std::size_t smallest_size_;           // 0 unless the schema fixes the size
  std::size_t size_range_;              // how much larger a message may be
  std::uint64_t limit_ = detail::never; // the last message that may be published without a poll of the cursors
  std::uint64_t stop_at_ = 0;           // the message after which stop() is called; at most limit_
};

/// What both kinds of loan have in common.
class LoanBase {
 protected:
  LoanBase(AnyPublisher& publisher) noexcept : publisher_{&publisher}, sequence_{publisher.head() + 1} {}
  LoanBase(LoanBase&& other) noexcept
      : publisher_{std::exchange(other.publisher_, nullptr)}, sequence_{other.sequence_} {}
  LoanBase& operator=(LoanBase&& other) noexcept {
    publisher_ = std::exchange(other.publisher_, nullptr);
    sequence_ = other.sequence_;
    return *this;
  }
  ~LoanBase() = default;

  /// Publishes what is in the payload. Errors: as Loan::commit().
  std::uint64_t commit_size(std::size_t size) {
    const bool stale = publisher_ == nullptr || !publisher_->region_ || publisher_->head() + 1 != sequence_;
    if (stale) detail::raise_stale_loan();
    if (!publisher_->takes(size)) publisher_->raise_wrong_size(size);
    return std::exchange(publisher_, nullptr)
        ->publish_with(static_cast<std::uint32_t>(size), [](detail::Word*) {}); // it is in place already
  }

 private:
  AnyPublisher* publisher_; // null once it was committed or moved from
  std::uint64_t sequence_;
};

/// The next message, in place. Its content is unspecified at first, and no subscriber takes it before commit().
/// If it is dropped nothing is published. The publisher must neither move nor end meanwhile; and once another
/// message was published the loan must not be written to, since its memory is that message.
template <Message T>
class [[nodiscard]] Loan : LoanBase {
 public:
  /// Takes over the loan; the other one can no longer be committed.
  Loan(Loan&&) noexcept = default;
  /// Takes over the loan; the one that this was is dropped.
  Loan& operator=(Loan&&) noexcept = default;

  /// The message, to be written to.
  T& operator*() const noexcept {
    return *message_;
  }
  /// The message, to be written to.
  T* operator->() const noexcept {
    return message_;
  }

  /// Publishes the message and gives its sequence: `std::move(loan).commit()`.
  /// Errors: throws std::logic_error if it was committed or moved from, or if another message was published
  /// since loan(); nothing is published then. Progress and memory ordering: as for Publisher::publish().
  std::uint64_t commit() && {
    return commit_size(sizeof(T));
  }

 private:
  template <Message>
  friend class Publisher;
  Loan(AnyPublisher& publisher, T* message) noexcept : LoanBase{publisher}, message_{message} {}

  T* message_;
};

/// Room for the next message of any size, in place; as Loan.
class [[nodiscard]] ByteLoan : LoanBase {
 public:
  /// Takes over the loan; the other one can no longer be committed.
  ByteLoan(ByteLoan&&) noexcept = default;
  /// Takes over the loan; the one that this was is dropped.
  ByteLoan& operator=(ByteLoan&&) noexcept = default;

  /// Room for the longest message.
  std::span<std::byte> bytes() const noexcept {
    return bytes_;
  }

  /// Publishes the first `size` bytes and gives the sequence.
  /// Errors: as Loan::commit(); std::length_error if `size` is more than bytes().size(), or not that of the
  /// channel's schema, and then the loan can still be committed.
  std::uint64_t commit(std::size_t size) && {
    return commit_size(size);
  }

 private:
  friend class BytePublisher;
  ByteLoan(AnyPublisher& publisher, std::span<std::byte> bytes) noexcept : LoanBase{publisher}, bytes_{bytes} {}

  std::span<std::byte> bytes_;
};

/// Publishes messages of type T.
template <Message T>
class Publisher : public AnyPublisher {
 public:
  /// Creates the channel, or takes it over from a publisher that closed it or died; its sequence goes on.
  /// Errors: throws std::system_error with an Errc (publisher_alive, wrong_identity, not_a_channel ...) or the
  /// system's own code; the channel, or whatever else is behind the name, is unchanged.
  /// Progress: blocks for system calls; where another publisher holds the lock, 20 ms before it gives up.
  explicit Publisher(const Location& location, const PublisherOptions& options = {})
      : AnyPublisher{location, options, detail::expected_identity<T>()} {}

  /// Without exceptions: nothing, and the reason in `error`.
  [[nodiscard]] static std::optional<Publisher> open(const Location& location, const PublisherOptions& options,
                                                     Error& error) {
    auto region = open_region(location, options, detail::expected_identity<T>(), error);
    if (!region) return std::nullopt;
    return Publisher{std::move(region)};
  }

  /// Publishes one message and gives its sequence.
  /// Progress: wait-free; no allocation. No system call, except to wake a sleeping subscriber (with
  /// Wakeup::every_message always), and to read the clock where the system has no vDSO. With max_blocking_time: blocks
  /// for at most that time while a reliable subscriber is in the way.
  /// Memory ordering: who receives the message sees what happened before this call, and the message whole.
  std::uint64_t publish(const T& message) noexcept {
    return publish_bytes(static_cast<const std::byte*>(static_cast<const void*>(&message)),
                         std::integral_constant<std::uint32_t, sizeof(T)>{});
  }

  /// Publishes several messages, a vector or a span of T, and gives the last one's sequence: faster than one by
  /// one. Subscribers may receive the first before the last is published. With timestamps all have the same one.
  /// Progress and memory ordering: as for one message.
  template <class Messages>
  requires std::is_convertible_v<const Messages&, std::span<const T>> std::uint64_t publish(
      const Messages& messages)
  noexcept {
    const std::span<const T> span{messages};
    return publish_batch(static_cast<const std::byte*>(static_cast<const void*>(span.data())),
                         std::integral_constant<std::uint32_t, sizeof(T)>{}, span.size());
  }

  /// publish(), or nothing if that would wait for a reliable subscriber.
  /// Progress: wait-free, but for a few system calls where one is in the way.
  [[nodiscard]] std::optional<std::uint64_t> try_publish(const T& message) noexcept {
    if (!has_room()) return std::nullopt;
    return publish(message);
  }

  /// The next message, in place.
  /// Progress: wait-free.
  Loan<T> loan() noexcept {
    return {*this, detail::message_at<T>(open_payload())};
  }

 private:
  explicit Publisher(detail::Owner<detail::PublisherRegion> region) noexcept
      : AnyPublisher{std::move(region)} {}
};

/// Publishes messages of any size up to max_message_size().
class BytePublisher : public AnyPublisher {
 public:
  /// As for Publisher.
  explicit BytePublisher(const Location& location, const PublisherOptions& options = {})
      : AnyPublisher{location, options, {}} {}

  /// As for Publisher.
  [[nodiscard]] static std::optional<BytePublisher> open(const Location& location,
                                                         const PublisherOptions& options, Error& error) {
    auto region = open_region(location, options, {}, error);
    if (!region) return std::nullopt;
    return BytePublisher{std::move(region)};
  }

  /// Publishes one message, which may be empty, and gives its sequence: `publish("text")`, `publish(vector)`.
  /// Errors: throws std::length_error if it is longer than max_message_size(), or if the channel's schema has
  /// fields and another size; nothing is published then.
  /// Progress and memory ordering: as for Publisher::publish().
  std::uint64_t publish(const BytesRef& message) {
    if (!takes(message.size())) raise_wrong_size(message.size());
    return publish_bytes(message.data(), static_cast<std::uint32_t>(message.size()));
  }

  /// publish(), or nothing if that would wait for a reliable subscriber.
  /// Errors: as for publish(). Progress: as for Publisher::try_publish().
  [[nodiscard]] std::optional<std::uint64_t> try_publish(const BytesRef& message) {
    if (!takes(message.size())) raise_wrong_size(message.size());
    if (!has_room()) return std::nullopt;
    return publish(message);
  }

  /// Gathers the pieces, in their order, into one message.
  std::uint64_t publish(std::span<const BytesRef> pieces) {
    std::size_t size = 0;
    for (const BytesRef& piece : pieces) size = bounded_sum(size, piece.size());
    if (!takes(size)) raise_wrong_size(size);
    return publish_with(static_cast<std::uint32_t>(size), [&](Word* payload) {
      detail::PayloadGatherer<detail::HardwarePolicy> gatherer{payload};
      for (const BytesRef& piece : pieces) gatherer.append({piece.data(), piece.size()});
      gatherer.finish();
    });
  }
  /// Publishes several messages of `size` bytes each, which lie one behind the other, and gives the last one's
  /// sequence: as Publisher::publish() of a span.
  /// Errors: as for one message of that size; std::length_error also if they are not whole ones.
  std::uint64_t publish_batch(const BytesRef& messages, std::size_t size) {
    if (size == 0 || messages.size() % size != 0) detail::raise_partial_batch(messages.size(), size);
    if (!takes(size)) raise_wrong_size(size);
    return AnyPublisher::publish_batch(messages.data(), static_cast<std::uint32_t>(size),
                                       messages.size() / size);
  }

  /// Into a mirror (PublisherOptions::mirror_of): publishes a message as it was delivered on another machine, with
  /// its sequence and publish time, of the epoch of its origin, and gives the sequence. Those between head() and
  /// that are skipped, so that they count as lost; delivery.lost is not looked at. The time is one of this
  /// machine's steady clock.
  /// Errors: as for publish(); throws std::logic_error if this is no mirror, or if the sequence is not above head(),
  /// std::length_error if more are skipped than skip() can; nothing is published then.
  /// Progress and memory ordering: as for skip(), then publish(). Who receives the message finds the epoch.
  std::uint64_t publish_as(const BytesRef& message, const Delivery& delivery, const Epoch& epoch) {
    if (!takes(message.size())) raise_wrong_size(message.size());
    return publish_origins(message, delivery, epoch);
  }

  /// Gathers the pieces: `publish({header, body})`.
  std::uint64_t publish(std::initializer_list<BytesRef> pieces) {
    return publish(std::span<const BytesRef>{pieces.begin(), pieces.size()});
  }

  /// Room for the next message, in place.
  /// Progress: wait-free.
  ByteLoan loan() noexcept {
    return {*this, {detail::message_at<std::byte>(open_payload()), max_message_size()}};
  }

 private:
  explicit BytePublisher(detail::Owner<detail::PublisherRegion> region) noexcept
      : AnyPublisher{std::move(region)} {}
};

} // namespace seqcast::inline v1
