// SPDX-License-Identifier: BSL-1.0
//
// in_place: large messages without a copy. A Loan is the open slot's payload, to be written where subscribers
// will read it; a View is a message that is read where it lies.
//
//     auto image = publisher.loan();               auto image = subscriber.view();
//     draw(*image);                                if (image) {
//     image.commit();                                const auto sum = analyse(**image);
//                                                    if (image->intact()) use(sum);
//                                                  }
//
// A loan is safe: its slot is open, so nobody takes what is in it. A view is not a copy: when the publisher
// comes round the ring meanwhile, the bytes change under the reader's eyes, at any time and in any way, and
// nothing but intact() says so, afterwards. Until it has said true, follow no value that was read as a bound,
// an index or an enumeration, do not read a value twice and trust that it is the same, and let nothing out that
// was made of it. For the C++ memory model such a read is a data race, which no portable means makes defined
// (P1478); lib/docs/ordering.md says on what it rests instead.
//
// Who may call it: the thread that uses the publisher or subscriber that gave it, which has to stay where it is
// meanwhile.
#pragma once

#include <seqcast/detail/ring_publisher.hpp>
#include <seqcast/detail/ring_subscriber.hpp>
#include <seqcast/message.hpp>

#include <utility>

namespace seqcast::inline v1 {

template <Message T>
class Publisher;
class BytePublisher;

/// The next message, where it will be published. Its content is unspecified at first. If it is dropped nothing
/// is published. Movable; a moved-from loan may only be destroyed or assigned.
template <Message T>
class [[nodiscard]] Loan {
 public:
  /// The message, to be written to.
  T& operator*() const noexcept {
    return *message_;
  }
  /// The same.
  T* operator->() const noexcept {
    return message_;
  }

  /// Publishes the message and gives its sequence. Requires: nothing was published since loan(); the loan is
  /// not used any more. Progress and memory ordering: as for Publisher::publish().
  std::uint64_t commit() noexcept {
    return publisher_->publish_loaned(sizeof(T));
  }

 private:
  friend class Publisher<T>;
  Loan(Publisher<T>& publisher, T* message) noexcept : publisher_{&publisher}, message_{message} {}

  Publisher<T>* publisher_;
  T* message_;
};

/// The same for a message of any size.
class [[nodiscard]] ByteLoan {
 public:
  /// Room for the longest message.
  std::span<std::byte> bytes() const noexcept {
    return bytes_;
  }

  /// Publishes the first `size` bytes and gives the sequence. Requires: as for Loan::commit().
  /// Errors: throws std::length_error if there are not as many; then nothing was published.
  std::uint64_t commit(std::size_t size);

 private:
  friend class BytePublisher;
  ByteLoan(BytePublisher& publisher, std::span<std::byte> bytes) noexcept
      : publisher_{&publisher}, bytes_{bytes} {}

  BytePublisher* publisher_;
  std::span<std::byte> bytes_;
};

/// What views of both kinds have in common.
class ViewBase : public Delivery {
 public:
  /// Whether all that was read of the message so far was this message. If so, and not before, the message
  /// counts as received: the cursor moves past it. If not, what was read is worthless; the next call of next()
  /// or view() goes on after what was lost. May be asked more than once, for as long as the subscriber is
  /// there. Progress: wait-free. Memory ordering: as for Subscriber::next(), if it is true.
  [[nodiscard]] bool intact() noexcept {
    return ring_->confirm(viewed_);
  }

 protected:
  using Ring = detail::RingSubscriber<detail::HardwareAtomics>;
  ViewBase(Ring& ring, const detail::Taken& viewed) noexcept
      : Delivery{viewed.sequence, viewed.lost, viewed.time_ns}, ring_{&ring}, viewed_{viewed} {}

 private:
  Ring* ring_;
  detail::Taken viewed_;
};

/// A message where it lies. What is read of it is worth nothing until intact() has said true; the rules are at
/// the top of in_place.hpp.
template <Message T>
class View : public ViewBase {
 public:
  /// The message, which may change while it is read.
  const T& operator*() const noexcept {
    return *message_;
  }
  /// The same.
  const T* operator->() const noexcept {
    return message_;
  }

 private:
  template <Message>
  friend class Subscriber;
  View(Ring& ring, const detail::Taken& viewed) noexcept
      : ViewBase{ring, viewed}, message_{detail::message_at<T>(ring.payload_of(viewed.sequence))} {}

  const T* message_;
};

/// The same for a message of any size.
class ByteView : public ViewBase {
 public:
  /// The message, which may change while it is read. Its size is right, and does not change.
  std::span<const std::byte> bytes() const noexcept {
    return bytes_;
  }

 private:
  friend class ByteSubscriber;
  ByteView(Ring& ring, const detail::Taken& viewed) noexcept
      : ViewBase{ring, viewed},
        bytes_{detail::message_at<std::byte>(ring.payload_of(viewed.sequence)), viewed.size} {}

  std::span<const std::byte> bytes_;
};

} // namespace seqcast::inline v1
