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

#include <memory>

namespace seqcast::inline v1::detail {

struct PublisherRegion; // lib/src/opening.hpp
struct SubscriberState; // lib/src/waiting.hpp
class Waiter;           // lib/src/waiting.hpp

/// Destroys what only the compiled library can.
struct Closer {
  Closer() noexcept = default;
  template <class T>
  Closer(const std::default_delete<T>&) noexcept {}
  void operator()(PublisherRegion* region) const noexcept;
  void operator()(SubscriberState* state) const noexcept;
};
using PublisherRegionPointer = std::unique_ptr<PublisherRegion, Closer>;
using SubscriberStatePointer = std::unique_ptr<SubscriberState, Closer>;

/// What the caller requires of a channel, beside its options.
struct ExpectedIdentity {
  BuildConstants build = {.publisher_options = sizeof(PublisherOptions),
                          .subscriber_options = sizeof(SubscriberOptions)};
  std::optional<std::uint32_t> message_size = {};      // of a typed channel
  std::optional<std::uint32_t> message_alignment = {}; // of a typed channel
  std::uint64_t schema_tag = 0;
  std::string_view schema_name = {};
};

/// What a channel of type T has to be.
template <Message T>
ExpectedIdentity expected_identity() noexcept {
  static_assert(sizeof(T) <= largest_message_size, "a message has at most 2 GiB");
  static_assert(alignof(T) <= largest_alignment, "a message is aligned to at most 4096 bytes");
  return {.message_size = std::uint32_t{sizeof(T)},
          .message_alignment = std::uint32_t{alignof(T)},
          .schema_tag = schema<T>::tag,
          .schema_name = schema<T>::name};
}

// Out of line, as is every throw: headers compile without exceptions.

/// Throws the std::length_error of a message that is longer than `most` bytes.
[[noreturn]] void raise_too_long(std::uint32_t most);
/// Throws the std::logic_error of a loan that was committed, or is older than another message.
[[noreturn]] void raise_stale_loan();

} // namespace seqcast::inline v1::detail
