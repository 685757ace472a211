// SPDX-License-Identifier: BSL-1.0
//
// Errors as values: every enumerator has its message, the system's conditions match those with the same
// meaning, and states and wait results have names.
#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <set>
#include <string>

using namespace seqcast;

namespace {

constexpr std::array all{
    Errc::no_channel,      Errc::invalid_location, Errc::invalid_options,  Errc::not_a_regular_file,
    Errc::not_a_channel,   Errc::wrong_byte_order, Errc::wrong_version,    Errc::wrong_geometry,
    Errc::unknown_feature, Errc::wrong_identity,   Errc::damaged,          Errc::publisher_alive,
    Errc::lock_obstructed, Errc::other_owner,      Errc::build_mismatch,   Errc::overrun,
    Errc::corrupt,         Errc::wrong_size,       Errc::buffer_too_small, Errc::truncated,
    Errc::not_reliable,    Errc::no_entry,         Errc::demoted,
};

} // namespace

TEST_CASE("every enumerator has a message of its own") {
  std::set<std::string> messages;
  for (const Errc error : all) {
    const std::error_code code = error;
    CHECK(code);
    CHECK(&code.category() == &error_category());
    CHECK(code == error);
    CHECK(code.message().find("unknown") != 0);
    CHECK(messages.insert(code.message()).second);
  }
  // The list above is complete: the number behind the last one has no name.
  const std::error_code behind{static_cast<int>(all.size()) + 1, error_category()};
  CHECK(behind.message() == "unknown seqcast error 24");
  CHECK(static_cast<std::size_t>(Errc::demoted) == all.size());
}

TEST_CASE("a default error is no error") {
  CHECK_FALSE(std::error_code{});
  CHECK(std::string{error_category().name()} == "seqcast");
}

TEST_CASE("errors that the system has too are equal to its conditions, and the others to none") {
  const auto condition = [](Errc error) { return std::error_code{error}; };
  CHECK(condition(Errc::no_channel) == std::errc::no_such_file_or_directory);
  CHECK(condition(Errc::invalid_location) == std::errc::invalid_argument);
  CHECK(condition(Errc::invalid_options) == std::errc::invalid_argument);
  CHECK(condition(Errc::publisher_alive) == std::errc::device_or_resource_busy);
  CHECK(condition(Errc::lock_obstructed) == std::errc::device_or_resource_busy);
  CHECK(condition(Errc::other_owner) == std::errc::permission_denied);
  CHECK(condition(Errc::buffer_too_small) == std::errc::message_size);
  CHECK(condition(Errc::publisher_alive) != Errc::lock_obstructed);
  for (const Errc error :
       {Errc::not_a_channel, Errc::damaged, Errc::overrun, Errc::corrupt, Errc::wrong_size}) {
    CHECK(condition(error).default_error_condition().category() == error_category());
  }
}

TEST_CASE("states, wait results and kinds of wakeup have names") {
  std::set<std::string> words;
  for (const ChannelState state :
       {ChannelState::live, ChannelState::no_publisher, ChannelState::closed, ChannelState::superseded}) {
    CHECK(words.insert(to_string(state)).second);
  }
  words.clear();
  for (const WaitResult wait : {WaitResult::message, WaitResult::timeout, WaitResult::closed,
                                WaitResult::no_publisher, WaitResult::superseded, WaitResult::stopped}) {
    CHECK(words.insert(to_string(wait)).second);
  }
  words.clear();
  for (const Wakeup wakeup : {Wakeup::bell, Wakeup::every_message, Wakeup::polling}) {
    CHECK(words.insert(to_string(wakeup)).second);
  }
  CHECK(words.count("unknown") == 0);
  CHECK(std::string{to_string(ChannelState::no_publisher)} == "no publisher");
  CHECK(std::string{to_string(WaitResult::message)} == "message");
}

TEST_CASE("a location is printed as in a program, and equal to itself alone") {
  CHECK(to_string(file("test.dat")) == "file(\"test.dat\")");
  CHECK(to_string(shared_memory("ticker")) == "shared_memory(\"ticker\")");
  CHECK(to_string(file("C:\\a\"b\n\x1B[m\x7F")) == "file(\"C:\\\\a\\\"b\\012\\033[m\\177\")");
  CHECK(to_string(file({'a', '\0', '1'})) == "file(\"a\\0001\")");
  CHECK(to_string(file("\xC3\xA9")) == "file(\"\xC3\xA9\")"); // UTF-8 as it is
  CHECK(file("a") == file("a"));
  CHECK(file("a") != file("b"));
  CHECK(file("a") != shared_memory("a"));
}
