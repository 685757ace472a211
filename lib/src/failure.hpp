// SPDX-License-Identifier: BSL-1.0
//
// failure: how opening fails. Everything inside throws; the open(..., error) forms translate at the outside.
#pragma once

#include <seqcast/error.hpp>
#include <seqcast/options.hpp>

#include <memory>
#include <new>
#include <string>
#include <system_error>

namespace seqcast::inline v1::detail {

/// A std::system_error whose what() is the explanation alone, without the code's text at its end.
class Failure : public std::system_error {
 public:
  Failure(std::error_code code, std::string text)
      : std::system_error{code}, text_{std::make_shared<const std::string>(std::move(text))} {}

  const char* what() const noexcept override {
    return text_->c_str();
  }

 private:
  std::shared_ptr<const std::string> text_; // shared, so that copying an exception does not throw
};

/// Throws a Failure. The text is one or more sentences, without the last full stop; a code of the system's is
/// named behind it.
[[noreturn]] void fail(std::error_code code, std::string text);

/// Calls `open`, and names in what it throws what was tried on which location.
template <class Call>
auto explained(const char* attempt, const Location& location, const Call& open) {
  try {
    return open();
  } catch (const std::system_error& failure) {
    throw Failure{failure.code(), std::string{attempt} + " " + to_string(location) + ": " + failure.what()};
  }
}

/// Puts a failure into `error`; the code alone if there is no memory for its text.
void translate(const std::system_error& failure, Error& error) noexcept;

/// Gives what `call` gives; a default value, and the reason in `error`, if it throws. The cancellation of a
/// thread passes through.
template <class Call>
auto without_exceptions(Error& error, const Call& call) -> decltype(call()) {
  error.clear();
  try {
    return call();
  } catch (const std::system_error& failure) {
    translate(failure, error);
  } catch (const std::bad_alloc&) {
    error = {std::make_error_code(std::errc::not_enough_memory), {}};
  }
  return decltype(call())();
}

} // namespace seqcast::inline v1::detail
