// SPDX-License-Identifier: BSL-1.0
//
// error: everything that can go wrong with a channel, one enumerator each. Opening throws std::system_error
// with one of these codes (or the operating system's own), whose what() is the whole explanation: where, what
// is wrong, what was expected and found, what to do. The open(..., error) forms give the same in an Error. On
// the data path the code is what Subscriber::error() gives after a call that delivered nothing.
#pragma once

#if defined(__cplusplus) && __cplusplus < 202002L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 202002L)
#error "seqcast needs C++20: compile with -std=c++20 or later"
#endif

#include <string>
#include <system_error>
#include <utility>

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

  // Opening: another process is in the way.
  publisher_alive, ///< A live publisher holds the channel: there is one per channel.
  lock_obstructed, ///< A process that is no publisher holds a lock on the file, and so keeps publishers out.
  other_owner,     ///< Another user owns the file; see PublisherOptions::allow_other_owner.
  build_mismatch,  ///< Headers and compiled library are of different builds.

  // Data path: why next() or latest() gave nothing, when it was not that nothing is new.
  overrun,          ///< The publisher lapped each of a few attempts. Call again; nothing goes uncounted.
  corrupt,          ///< The region contains what no publisher stores. No more messages come from it.
  wrong_size,       ///< A message of an impossible size was passed over; it will count as lost.
  buffer_too_small, ///< The message is longer than the buffer. It is still unread; see needed_size().
  truncated, ///< The file was truncated. No more messages come; see SubscriberOptions::survive_truncation.

  // Reliable subscribers.
  not_reliable, ///< Opening: the publisher waits for no subscriber; see PublisherOptions::max_blocking_time.
  no_entry,     ///< Opening: the channel has 62 reliable subscribers already.
  demoted,      ///< The publisher no longer waits for this subscriber. Call again; what was lost is counted.
};

/// The category of Errc; its name is "seqcast".
const std::error_category& error_category() noexcept;

/// So that a std::error_code compares with an Errc: `error == seqcast::Errc::no_channel`.
inline std::error_code make_error_code(Errc error) noexcept {
  return {static_cast<int>(error), error_category()};
}

/// Why a call without exceptions failed: the code, and the whole explanation. Empty after success.
class Error {
 public:
  Error() = default;
  /// An explanation is one or more sentences.
  Error(std::error_code code, std::string message) : code_{code}, message_{std::move(message)} {}

  /// An Errc, or the operating system's code.
  std::error_code code() const noexcept {
    return code_;
  }
  /// Where, what is wrong, what was expected and found, what to do.
  const std::string& message() const noexcept {
    return message_;
  }
  /// Whether there is an error.
  explicit operator bool() const noexcept {
    return static_cast<bool>(code_);
  }
  /// Makes it empty.
  void clear() noexcept {
    code_.clear();
    message_.clear();
  }

  /// Compares the code: `error == seqcast::Errc::no_channel`.
  friend bool operator==(const Error& error, std::error_code code) noexcept {
    return error.code_ == code;
  }
  /// Compares the code: `error == std::errc::permission_denied`.
  friend bool operator==(const Error& error, std::error_condition condition) noexcept {
    return error.code_ == condition;
  }

 private:
  std::error_code code_{};
  std::string message_{};
};

} // namespace seqcast::inline v1

template <>
struct std::is_error_code_enum<seqcast::Errc> : std::true_type {};
