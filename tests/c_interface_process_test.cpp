// SPDX-License-Identifier: BSL-1.0
//
// The C interface beside processes that die, and a file that is truncated.
#include "support/child.hpp"
#include "support/temporary.hpp"
#include "support/truncation.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.h>

using namespace test;

namespace {

seqcast_subscriber* subscribe(const seqcast_location& where) {
  seqcast_subscriber_options options{};
  options.struct_size = sizeof options;
  options.start = SEQCAST_START_OLDEST;
  options.survive_truncation = 1;
  seqcast_subscriber* subscriber = nullptr;
  REQUIRE(seqcast_subscriber_open(SEQCAST_VERSION, &where, &options, &subscriber, nullptr) == SEQCAST_OK);
  return subscriber;
}

} // namespace

TEST_CASE("a publisher that was killed is SEQCAST_NO_PUBLISHER, after its last message") {
  const TemporaryFolder folder;
  const std::string path = folder / "channel";
  const seqcast_location where{SEQCAST_FILE, 0, {path.data(), path.size()}};
  Child child{[&](Line& line) {
    seqcast_publisher* publisher = nullptr;
    const int code = seqcast_publisher_open(SEQCAST_VERSION, &where, nullptr, &publisher, nullptr);
    line.send(code == SEQCAST_OK && seqcast_publish(publisher, "last", 4, nullptr) == SEQCAST_OK);
    line.receive<bool>();
  }};
  REQUIRE(child.line().expect<bool>());
  seqcast_subscriber* const subscriber = subscribe(where);
  child.kill();
  seqcast_message message{};
  message.struct_size = sizeof message;
  CHECK(seqcast_next_for(subscriber, 60'000'000'000, nullptr, &message) == SEQCAST_OK);
  CHECK(seqcast_next_for(subscriber, 60'000'000'000, nullptr, &message) == SEQCAST_NO_PUBLISHER);
  seqcast_subscriber_info info{};
  info.struct_size = sizeof info;
  CHECK(seqcast_subscriber_get_info(subscriber, &info) == SEQCAST_OK);
  CHECK(info.state == SEQCAST_STATE_NO_PUBLISHER);
  seqcast_subscriber_close(subscriber);
}

TEST_CASE("a file that was truncated is SEQCAST_TRUNCATED") {
  const TemporaryFolder folder;
  const std::string path = folder / "channel";
  const seqcast_location where{SEQCAST_FILE, 0, {path.data(), path.size()}};
  seqcast_publisher* publisher = nullptr;
  REQUIRE(seqcast_publisher_open(SEQCAST_VERSION, &where, nullptr, &publisher, nullptr) == SEQCAST_OK);
  seqcast_publisher_close(publisher);
  seqcast_subscriber* const subscriber = subscribe(where);
  seqcast_inspector_options options{};
  options.struct_size = sizeof options;
  options.survive_truncation = 1;
  seqcast_inspector* inspector = nullptr;
  REQUIRE(seqcast_inspector_open(SEQCAST_VERSION, &where, &options, &inspector, nullptr) == SEQCAST_OK);
  cut(path, 0);
  seqcast_message message{};
  message.struct_size = sizeof message;
  CHECK(seqcast_next(subscriber, &message) == SEQCAST_TRUNCATED);
  seqcast_status status{};
  status.struct_size = sizeof status;
  CHECK(seqcast_inspector_get_status(inspector, &status) == SEQCAST_OK);
  CHECK(status.problem == SEQCAST_TRUNCATED);
  seqcast_inspector_close(inspector);
  seqcast_subscriber_close(subscriber);
}
