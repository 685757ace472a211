// SPDX-License-Identifier: BSL-1.0
//
// in_place: what a sender and a receiver do with memory that is handed over, for every transport that can: copy
// a message in and out, touch one word, or write and read every byte.
#pragma once

#include "../transport.hpp"

#include <cstring>

namespace bench {

enum class Touch : std::uint8_t { copy, one_word, every_byte };

template <Touch How, std::size_t Size>
void write(const Message<Size>& message, void* to) {
  if constexpr (How == Touch::copy) {
    std::memcpy(to, &message, Size);
  } else {
    auto* words = static_cast<std::uint64_t*>(to);
    if constexpr (How == Touch::every_byte) {
      const std::uint64_t number = message.words[Size / 8 - 1];
      for (std::size_t i = 1; i < Size / 8; ++i) words[i] = number;
    }
    words[0] = message.words[0];
  }
}

/// False if the message is torn, where every byte is read.
template <Touch How, std::size_t Size>
bool read(const void* from, Message<Size>& message) {
  if constexpr (How == Touch::copy) {
    std::memcpy(&message, from, Size);
    return true;
  } else {
    const auto* words = static_cast<const std::uint64_t*>(from);
    message.words[0] = words[0];
    return How == Touch::one_word || loops::equal_numbers<Size>(words);
  }
}

} // namespace bench
