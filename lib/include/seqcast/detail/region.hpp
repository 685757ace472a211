// SPDX-License-Identifier: BSL-1.0
//
// region: what the inline code hands to the compiled library when a channel is opened, and gets back. What is
// behind it (the mapping, the lock, the operating system) is in lib/src.
//
// Who may call it: Publisher, Subscriber and Inspector.
#pragma once

#include <seqcast/detail/layout.hpp>
#include <seqcast/message.hpp>
#include <seqcast/options.hpp>
#include <seqcast/schema.hpp>

#include <utility>

namespace seqcast::inline v1::detail {

struct PublisherRegion; // lib/src/opening.hpp
struct SubscriberState; // lib/src/waiting.hpp
class Waiter;           // lib/src/waiting.hpp

// Compiled once, where the types are complete.
void destroy(PublisherRegion* region) noexcept;
void destroy(SubscriberState* state) noexcept;
template <class T>
void destroy(T* object) noexcept {
  delete object;
}

/// Owns an object of a type that only the compiled library knows. Not std::unique_ptr, since <memory> would
/// take a tenth of the time that including seqcast takes.
template <class T>
class Owner {
 public:
  Owner() noexcept = default;
  explicit Owner(T* object) noexcept : object_{object} {}
  Owner(Owner&& other) noexcept : object_{std::exchange(other.object_, nullptr)} {}
  Owner& operator=(Owner&& other) noexcept {
    Owner old{std::exchange(object_, std::exchange(other.object_, nullptr))};
    return *this;
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner() {
    if (object_ != nullptr) destroy(object_);
  }

  T& operator*() const noexcept {
    return *object_;
  }
  T* operator->() const noexcept {
    return object_;
  }
  T* get() const noexcept {
    return object_;
  }
  explicit operator bool() const noexcept {
    return object_ != nullptr;
  }

 private:
  T* object_ = nullptr;
};

/// What the caller requires of a channel, beside its options.
struct ExpectedIdentity {
  BuildConstants build = {.publisher_options = sizeof(PublisherOptions),
                          .subscriber_options = sizeof(SubscriberOptions)};
  std::optional<std::uint32_t> message_size = {};      // of a typed channel
  std::optional<std::uint32_t> message_alignment = {}; // of a typed channel
  SchemaText schema = {};                              // empty if none is required
};

/// What a channel of type T has to be.
template <Message T>
ExpectedIdentity expected_identity() noexcept {
  static_assert(sizeof(T) <= largest_message_size, "a message has at most 2 GiB");
  static_assert(alignof(T) <= largest_alignment, "a message is aligned to at most 4096 bytes");
  return {.message_size = std::uint32_t{sizeof(T)},
          .message_alignment = std::uint32_t{alignof(T)},
          .schema = schema_of<T>()};
}

// Out of line, as is every throw: headers compile without exceptions.

/// Throws the std::length_error of messages of `size` bytes each of which not all are whole.
[[noreturn]] void raise_partial_batch(std::size_t bytes, std::size_t size);
/// Throws the std::logic_error of a loan that was committed, or is older than another message.
[[noreturn]] void raise_stale_loan();

} // namespace seqcast::inline v1::detail
