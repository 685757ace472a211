// SPDX-License-Identifier: BSL-1.0
//
// refusal: what an opening that fails says, by its exception and by its error code, which have to agree.
//
// Who may use it: any test.
//
// Invariants
//   1. Both forms of opening are called; neither may succeed.
#pragma once

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
  std::error_code code;
  CHECK_FALSE(Opened::open(location, options, code).has_value());
  try {
    const Opened opened{location, options};
  } catch (const std::system_error& error) {
    CHECK(error.code() == code);
    return {code, error.what()};
  }
  FAIL_CHECK("it was opened");
  return {};
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
