// SPDX-License-Identifier: BSL-1.0
//
// error: everything that can go wrong with a channel, one enumerator each. Opening throws std::system_error
// with one of these codes (or the operating system's own) and a message that says where, what was expected,
// what was found and what to do; the open(..., ec) forms give the code alone. On the data path the code is what
// Subscriber::error() gives after a call that delivered nothing.
#pragma once

#include <system_error>

namespace seqcast::inline v1 {

/// What can be wrong with a channel.
enum class Errc {
  // Opening: nothing there.
  no_channel = 1,   ///< Nothing is behind the name yet. Wait for a publisher (SubscriberOptions::open_timeout).
  invalid_location, ///< The name cannot be a file, or cannot be a shared-memory object.
  invalid_options,  ///< The options contradict each other or the limits of the format.

  // Opening: something else is there.
  not_a_regular_file, ///< A directory, a symbolic link, a FIFO, a device.
  not_a_channel,      ///< A file that seqcast did not make. It is never overwritten.
  wrong_byte_order,   ///< A channel made on a machine of the other byte order.
  wrong_version,      ///< A channel in another version of the format.
  wrong_geometry,     ///< The numbers in the header contradict each other or the size of the file.
  unknown_feature,    ///< The channel uses something that this version does not know and may not ignore.
  wrong_identity,     ///< A sound channel, of another message type, size, capacity or schema than asked for.
  damaged,            ///< The slots contradict the header: not what a publisher leaves, killed or not.

  // Opening: somebody is in the way.
  publisher_alive, ///< A live publisher holds the channel: there is one per channel.
  lock_obstructed, ///< A process that is no publisher holds a lock on the file, and so keeps publishers out.
  other_owner,     ///< Another user owns the file; see PublisherOptions::allow_other_owner.
  build_mismatch,  ///< Headers and compiled library are of different builds.

  // Data path: why next() or latest() gave nothing, when it was not that nothing is new.
  overrun,    ///< The publisher overtook each of a few attempts. Call again; nothing goes uncounted.
  corrupt,    ///< The region holds what no publisher stores. Nothing more can be read from it for certain.
  wrong_size, ///< A message whose size cannot be right was passed over; it will count as lost.
  buffer_too_small, ///< The message is longer than the buffer. It is still unread; see needed_size().
  truncated,        ///< Somebody has truncated the file. Nothing more comes; see
                    ///< SubscriberOptions::survive_truncation.
};

/// The category of Errc; its name is "seqcast".
const std::error_category& error_category() noexcept;

/// So that a std::error_code compares with an Errc: `error == seqcast::Errc::no_channel`.
inline std::error_code make_error_code(Errc error) noexcept {
  return {static_cast<int>(error), error_category()};
}

} // namespace seqcast::inline v1

template <>
struct std::is_error_code_enum<seqcast::Errc> : std::true_type {};
