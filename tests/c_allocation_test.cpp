// SPDX-License-Identifier: BSL-1.0
//
// The C interface without memory: each call is made again and again, with the first, second, third ... allocation
// refused, until none is. It returns -ENOMEM or succeeds, and leaks nothing.
#include <doctest/doctest.h>
#include <seqcast/seqcast.h>
#include "support/temporary.hpp"

#include <atomic>
#include <cerrno>
#include <new>

namespace {

std::atomic<std::int64_t> live{0};
thread_local std::int64_t allowed = -1; // allocations before one is refused; negative: all

void* limited(std::size_t size, std::size_t alignment) {
  if (allowed == 0) throw std::bad_alloc{};
  if (allowed > 0) --allowed;
  void* const memory = test::allocate_aligned(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc{};
  ++live;
  return memory;
}
void counted_free(void* memory) noexcept {
  if (memory != nullptr) --live;
  test::free_aligned(memory);
}

} // namespace

// The array and nothrow forms call these.
void* operator new(std::size_t size) {
  return limited(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return limited(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  counted_free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  counted_free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  counted_free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  counted_free(memory);
}

namespace {

struct Refusals {
  int refused = 0; // attempts that gave -ENOMEM
  int code = 0;    // what the last one gave, for which there was memory
};

/// Calls `call` with ever more memory; `undo` is called after each.
template <class Call, class Undo>
Refusals with_little_memory(const Call& call, const Undo& undo) {
  Refusals result;
  for (std::int64_t enough = 0; enough < 1000; ++enough) {
    const std::int64_t before = live;
    allowed = enough;
    result.code = call();
    const bool all_granted = allowed > 0;
    allowed = -1;
    undo();
    const std::int64_t leaked = live - before;
    CAPTURE(enough);
    CHECK(leaked == 0);
    if (all_granted) return result;
    if (result.code == -ENOMEM) ++result.refused;
  }
  FAIL("it allocates without end");
  return result;
}
template <class Call>
Refusals with_little_memory(const Call& call) {
  return with_little_memory(call, [] {});
}

template <class Struct>
Struct sized() {
  Struct made{};
  made.struct_size = sizeof made;
  return made;
}

struct Channel {
  test::TemporaryFolder folder;
  std::string path = folder / "channel-with-a-name-that-is-too-long-for-a-short-string";
  seqcast_location where{SEQCAST_FILE, 0, {path.data(), path.size()}};
  seqcast_publisher* publisher = nullptr;
  seqcast_subscriber* subscriber = nullptr;

  Channel() {
    REQUIRE(seqcast_publisher_open(SEQCAST_VERSION, &where, nullptr, &publisher, nullptr) == SEQCAST_OK);
    REQUIRE(seqcast_subscriber_open(SEQCAST_VERSION, &where, nullptr, &subscriber, nullptr) == SEQCAST_OK);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    seqcast_subscriber_close(subscriber);
    seqcast_publisher_close(publisher);
  }
};

} // namespace

TEST_CASE("opening without memory gives -ENOMEM, and what is there stays") {
  Channel channel;
  seqcast_publisher_close(std::exchange(channel.publisher, nullptr));
  seqcast_publisher* publisher = nullptr;
  char text[300];
  seqcast_error why{sizeof why, text, sizeof text, 0};
  const auto published = with_little_memory(
      [&] { return seqcast_publisher_open(SEQCAST_VERSION, &channel.where, nullptr, &publisher, &why); },
      [&] { seqcast_publisher_close(std::exchange(publisher, nullptr)); });
  CHECK(published.code == SEQCAST_OK);
  CHECK(published.refused > 0);

  seqcast_subscriber* subscriber = nullptr;
  const auto subscribed = with_little_memory(
      [&] { return seqcast_subscriber_open(SEQCAST_VERSION, &channel.where, nullptr, &subscriber, &why); },
      [&] { seqcast_subscriber_close(std::exchange(subscriber, nullptr)); });
  CHECK(subscribed.code == SEQCAST_OK);
  CHECK(subscribed.refused > 0);

  seqcast_inspector* inspector = nullptr;
  const auto inspected = with_little_memory(
      [&] { return seqcast_inspector_open(SEQCAST_VERSION, &channel.where, nullptr, &inspector, &why); },
      [&] { seqcast_inspector_close(std::exchange(inspector, nullptr)); });
  CHECK(inspected.code == SEQCAST_OK);
  CHECK(inspected.refused > 0);

  const std::string nothing = channel.path + ".not-there";
  const seqcast_location nowhere{SEQCAST_FILE, 0, {nothing.data(), nothing.size()}};
  const auto failed = with_little_memory(
      [&] { return seqcast_subscriber_open(SEQCAST_VERSION, &nowhere, nullptr, &subscriber, &why); });
  CHECK(failed.code == SEQCAST_NO_CHANNEL);
  CHECK(failed.refused > 0);
}

TEST_CASE("listing without memory gives -ENOMEM, and then everything") {
  const Channel channel;
  const std::string& path = channel.folder.path();
  const seqcast_string folder{path.data(), path.size()};
  char text[300];
  seqcast_error why{sizeof why, text, sizeof text, 0};
  seqcast_list* list = nullptr;
  std::size_t count = 0;
  const auto undo = [&] {
    if (list != nullptr) CHECK(seqcast_list_count(list, &count) == SEQCAST_OK);
    seqcast_list_destroy(std::exchange(list, nullptr));
  };
  const auto listed = with_little_memory([&] { return seqcast_list_folder(&folder, &list, &why); }, undo);
  CHECK(listed.code == SEQCAST_OK);
  CHECK(listed.refused > 3); // the name of the folder, that of the file, the list ...
  CHECK(count == 1);
  const auto shared = with_little_memory([&] { return seqcast_list_shared_memory(&list, &why); }, undo);
  CHECK((shared.code == SEQCAST_OK || shared.code == -ENOTSUP)); // the latter on Windows
  CHECK(shared.refused > 0);
  const std::string nowhere = path + "/a-folder-that-is-not-there-and-has-a-long-name";
  const seqcast_string none{nowhere.data(), nowhere.size()};
  const auto failed = with_little_memory([&] { return seqcast_list_folder(&none, &list, &why); }, undo);
  CHECK(failed.code == -ENOENT);
  CHECK(failed.refused > 0);
}

TEST_CASE("waiting and watching without memory gives -ENOMEM") {
  Channel channel;
  CHECK(seqcast_wait(channel.subscriber, 1'000'000, nullptr) == SEQCAST_TIMEOUT); // it keeps its bell
  const auto waited = with_little_memory([&] { return seqcast_wait(channel.subscriber, 1'000'000, nullptr); });
  CHECK(waited.code == SEQCAST_TIMEOUT);
  seqcast_subscriber* const list[]{channel.subscriber, channel.subscriber};
  const auto any = with_little_memory([&] { return seqcast_wait_any(list, 2, 1'000'000, nullptr, nullptr); });
  CHECK(any.code == SEQCAST_TIMEOUT);
  CHECK(any.refused > 0);
  auto message = sized<seqcast_message>();
  const auto read =
      with_little_memory([&] { return seqcast_next_for(channel.subscriber, 1'000'000, nullptr, &message); });
  CHECK(read.code == SEQCAST_TIMEOUT);

  seqcast_stop_source* stop = nullptr;
  const auto stopped = with_little_memory([&] { return seqcast_stop_source_create(&stop); },
                                          [&] { seqcast_stop_source_destroy(std::exchange(stop, nullptr)); });
  CHECK(stopped.code == SEQCAST_OK);
  CHECK(stopped.refused > 0);

  seqcast_poll_descriptor* poll = nullptr;
  const auto opened = with_little_memory([&] { return seqcast_poll_descriptor_open(&poll, nullptr); },
                                         [&] { seqcast_poll_descriptor_close(std::exchange(poll, nullptr)); });
  CHECK(opened.code == SEQCAST_OK);
  CHECK(opened.refused > 0);
  // Its thread allocates as well, so that leaks are counted at its end.
  const std::int64_t before = live;
  REQUIRE(seqcast_poll_descriptor_open(&poll, nullptr) == SEQCAST_OK);
  int code = -ENOMEM, refused = 0;
  for (std::int64_t enough = 0; code == -ENOMEM && enough < 1000; ++enough, ++refused) {
    allowed = enough;
    code = seqcast_poll_descriptor_arm(poll, list, 2, nullptr);
    allowed = -1;
  }
  CHECK(code == SEQCAST_OK);
  CHECK(refused > 1);
  seqcast_poll_descriptor_close(poll);
  const std::int64_t leaked = live - before;
  CHECK(leaked == 0);
}

TEST_CASE("reopening, inspecting, explaining and removing without memory gives -ENOMEM") {
  Channel channel;
  char text[300];
  seqcast_error why{sizeof why, text, sizeof text, 0};
  const auto explained = with_little_memory([&] { return seqcast_explain(SEQCAST_CORRUPT, &why); });
  CHECK(explained.code == SEQCAST_OK);
  const std::array<char, 1100> large{}; // longer than the channel takes
  CHECK(seqcast_publish(channel.publisher, large.data(), large.size(), nullptr) == SEQCAST_TOO_LONG);
  const auto too_long =
      with_little_memory([&] { return seqcast_publisher_explain(channel.publisher, SEQCAST_TOO_LONG, &why); });
  CHECK(too_long.code == SEQCAST_OK);
  CHECK(too_long.refused > 0);
  auto info = sized<seqcast_subscriber_info>();
  CHECK(seqcast_subscriber_get_info(channel.subscriber, &info) == SEQCAST_OK); // it keeps its bell
  CHECK(with_little_memory([&] { return seqcast_subscriber_get_info(channel.subscriber, &info); }).code == 0);
  auto publisher_info = sized<seqcast_publisher_info>();
  CHECK(with_little_memory([&] {
          return seqcast_publisher_get_info(channel.publisher, &publisher_info);
        }).code == 0);
  seqcast_inspector* inspector = nullptr;
  REQUIRE(seqcast_inspector_open(SEQCAST_VERSION, &channel.where, nullptr, &inspector, nullptr) == SEQCAST_OK);
  auto status = sized<seqcast_status>();
  CHECK(with_little_memory([&] { return seqcast_inspector_get_status(inspector, &status); }).code == 0);
  auto identity = sized<seqcast_identity>();
  CHECK(with_little_memory([&] { return seqcast_inspector_get_identity(inspector, &identity); }).code == 0);
  seqcast_inspector_close(inspector);

  // A channel that was made anew, to be moved on to; each attempt that fails stays where it was.
  auto options = sized<seqcast_remove_options>();
  options.even_if_alive = 1;
  const auto kept = with_little_memory([&] { return seqcast_remove(&channel.where, nullptr, &why); });
  CHECK(kept.code == SEQCAST_PUBLISHER_ALIVE);
  CHECK(kept.refused > 0);
  REQUIRE(seqcast_remove(&channel.where, &options, nullptr) == SEQCAST_OK);
  seqcast_publisher* successor = nullptr;
  REQUIRE(seqcast_publisher_open(SEQCAST_VERSION, &channel.where, nullptr, &successor, nullptr) == SEQCAST_OK);
  int code = -ENOMEM, refused = 0;
  for (std::int64_t enough = 0; code == -ENOMEM && enough < 1000; ++enough, ++refused) {
    allowed = enough;
    code = seqcast_reopen(channel.subscriber, &why);
    allowed = -1;
  }
  CHECK(code == SEQCAST_OK);
  CHECK(refused > 1);
  seqcast_publisher_close(successor);
}
