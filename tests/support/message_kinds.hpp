// SPDX-License-Identifier: BSL-1.0
//
// message_kinds: typed messages of 48 bytes and byte messages of up to 200, with one interface, so that one
// test runs with both. 48 bytes share a cache line with their version; 200 take four lines.
//
// Who may call it: any test.
#pragma once

#include "support/checked_payload.hpp"

#include <seqcast/seqcast.hpp>

namespace test {

struct Typed {
  static constexpr const char* name = "48 bytes, typed";
  using Message = CheckedMessage<48>;
  using Publisher = seqcast::Publisher<Message>;
  using Subscriber = seqcast::Subscriber<Message>;

  static seqcast::PublisherOptions options(std::uint64_t capacity) {
    return {.capacity = capacity};
  }
  static Message make(std::uint64_t sequence, std::uint64_t seed) {
    Message message{};
    message.fill(sequence, seed);
    return message;
  }
  static bool whole(const seqcast::Received<Message>& received, std::uint64_t seed) {
    return received.message.whole(received.sequence, seed);
  }
};

struct Bytes {
  static constexpr const char* name = "up to 200 bytes";
  using Message = std::vector<std::byte>;
  using Publisher = seqcast::BytePublisher;
  using Subscriber = seqcast::ByteSubscriber;

  static seqcast::PublisherOptions options(std::uint64_t capacity) {
    return {.capacity = capacity, .max_message_size = 200};
  }
  /// 200, 199 and 17: full, with a last word that is not, and short over what was long.
  static std::size_t size_of(std::uint64_t sequence) noexcept {
    constexpr std::array<std::size_t, 3> sizes{200, 17, 199};
    return sizes[sequence % sizes.size()];
  }
  static Message make(std::uint64_t sequence, std::uint64_t seed) {
    Message message(size_of(sequence));
    fill_payload(message, sequence, seed);
    return message;
  }
  static bool whole(const seqcast::ReceivedBytes& received, std::uint64_t seed) {
    return received.message.size() == size_of(received.sequence) &&
           is_whole(received.message, received.sequence, seed);
  }
};

} // namespace test
