// SPDX-License-Identifier: BSL-1.0
//
// refusal: how opening fails, with exceptions and without: both forms have to give the same code
// and explanation.
//
// It also makes channels to be opened: with messages, and of an earlier boot.
//
// Who may use it: any test.
//
// Invariants
//   1. Both forms of opening are called; neither may succeed.
#pragma once

#include "support/file_bytes.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <initializer_list>
#include <string>

namespace test {

struct Refusal {
  std::error_code code;
  std::string text;

  bool says(std::initializer_list<const char*> parts) const {
    for (const char* part : parts) {
      if (text.find(part) == std::string::npos) return false;
    }
    return true;
  }
};

template <class Opened, class Options>
Refusal refusal(const seqcast::Location& location, const Options& options = {}) {
  seqcast::Error error;
  CHECK_FALSE(Opened::open(location, options, error).has_value());
  try {
    const Opened opened{location, options};
  } catch (const std::system_error& thrown) {
    CHECK(thrown.code() == error.code());
    CHECK(thrown.what() == error.message());
    return {error.code(), error.message()};
  }
  FAIL_CHECK("it was opened");
  return {};
}

/// Publishes these texts, one message each, and closes.
inline void publish_all(const seqcast::Location& location, std::initializer_list<std::string_view> texts,
                        const seqcast::PublisherOptions& options = {}) {
  seqcast::BytePublisher publisher{location, options};
  for (const std::string_view text : texts) publisher.publish(text);
}

/// Makes a file one of another start of the machine, or only of another container on it.
inline void reboot(const std::string& path) {
  patch_file<std::uint64_t>(path, seqcast::detail::boot_offset, 0x1234);
  patch_file<std::uint64_t>(path, seqcast::detail::boot_time_offset, 0x1234);
}
inline void restart_container(const std::string& path) {
  patch_file<std::uint64_t>(path, seqcast::detail::boot_offset, 0x1234);
}

template <class Opened>
Refusal publisher_refusal(const seqcast::Location& location, const seqcast::PublisherOptions& options = {}) {
  return refusal<Opened>(location, options);
}
template <class Opened>
Refusal subscriber_refusal(const seqcast::Location& location, const seqcast::SubscriberOptions& options = {}) {
  return refusal<Opened>(location, options);
}

} // namespace test
