// SPDX-License-Identifier: BSL-1.0
//
// Options and names: impossible ones, options that contradict an existing channel, and unset options, which
// adopt its values. Permissions are in opening_linux_test.cpp.
#include <doctest/doctest.h>
#include <seqcast/inspect.hpp>
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"
#include "support/temporary.hpp"

namespace opening {

struct Point {
  std::uint64_t x;
  std::uint64_t y;
};
struct Narrow { // as large as a Point
  std::array<std::uint32_t, 4> words;
};
struct Labelled {
  std::uint64_t x;
  std::uint64_t y;
};
struct Relabelled {
  std::uint64_t y;
  std::uint64_t x;
};
} // namespace opening

template <>
struct seqcast::schema<opening::Labelled> {
  static constexpr std::string_view name = "opening.Label";
  static constexpr auto fields =
      seqcast::fields(seqcast::field("x", &opening::Labelled::x), seqcast::field("y", &opening::Labelled::y));
};
template <>
struct seqcast::schema<opening::Relabelled> {
  static constexpr std::string_view name = "opening.Label";
  static constexpr auto fields = seqcast::fields(seqcast::field("y", &opening::Relabelled::y),
                                                 seqcast::field("x", &opening::Relabelled::x));
};

using namespace seqcast;
using namespace opening;
using test::publisher_refusal;
using test::subscriber_refusal;
using test::TemporaryFolder;

TEST_CASE("options that no channel can have are refused, and no file is made") {
  const TemporaryFolder folder;
  const auto refused = [&](const PublisherOptions& options, std::initializer_list<const char*> words) {
    const auto refusal = publisher_refusal<BytePublisher>(folder.channel(), options);
    CAPTURE(refusal.text);
    CHECK(refusal.code == Errc::invalid_options);
    CHECK(refusal.says({to_string(folder.channel()).c_str()}));
    CHECK(refusal.says(words));
  };
  refused({.capacity = 0}, {"capacity is 0", "a power of two from 2 to 4294967296", "Take 2"});
  refused({.capacity = 1}, {"capacity is 1", "Take 2"});
  refused({.capacity = 3}, {"capacity is 3", "Take 4"});
  refused({.capacity = 1000}, {"capacity is 1000", "Take 1024"});
  refused({.capacity = 1ULL << 40}, {"capacity is 1099511627776", "Take 4294967296"});
  refused({.capacity = ~std::uint64_t{0}}, {"capacity is 18446744073709551615"});
  refused({.capacity = 1ULL << 32, .max_message_size = 1U << 31}, {"more than the 64 TiB"});
  refused({.max_message_size = (1U << 31) + 1}, {"max_message_size is 2147483649", "at most 2147483648"});
  refused({.message_alignment = 0}, {"message_alignment is 0", "a power of two"});
  refused({.message_alignment = 24}, {"message_alignment is 24"});
  refused({.message_alignment = 8192}, {"message_alignment is 8192", "up to 4096"});
  refused({.mode = 0400}, {": mode is 0400", "owner read and write", "0600"});
  refused({.mode = 0200}, {": mode is 0200"});
  refused({.mode = 01777}, {": mode is 01777", "at most 0777"});
  refused({.bell_mode = 0444}, {"bell_mode is 0444"});
  refused({.mode = 0}, {"mode"});
  refused({.mode = 01600}, {"mode", "at most 0777"});
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a typed publisher takes its size and alignment from the type") {
  const TemporaryFolder folder;
  CHECK(publisher_refusal<Publisher<Point>>(folder.channel(), {.max_message_size = 17}).code ==
        Errc::invalid_options);
  CHECK(publisher_refusal<Publisher<Point>>(folder.channel(), {.message_alignment = 16}).code ==
        Errc::invalid_options);
  const Publisher<Point> agreeing{folder.channel(), {.max_message_size = 16, .message_alignment = 8}};
  CHECK(agreeing.max_message_size() == 16);
}

TEST_CASE("another size, alignment or schema is refused by both sides, which name both") {
  const TemporaryFolder folder;
  const Location points = folder.channel("points");
  const Location labels = folder.channel("labels");
  {
    const Publisher<Point> publisher{points};
    const Publisher<Labelled> other{labels};
  }
  const auto refused = [](const test::Refusal& refusal, std::initializer_list<const char*> words) {
    CAPTURE(refusal.text);
    CHECK(refusal.code == Errc::wrong_identity);
    CHECK(refusal.says(words));
  };
  refused(subscriber_refusal<Subscriber<std::uint64_t>>(points), {"expected messages of size 8", "found 16"});
  refused(publisher_refusal<Publisher<std::uint64_t>>(points),
          {"expected messages of size 8", "found 16", "replace"});
  refused(subscriber_refusal<Subscriber<Narrow>>(points), {"expected alignment 4", "found 8"});
  refused(publisher_refusal<Publisher<Narrow>>(points), {"expected alignment 4", "found 8"});
  refused(subscriber_refusal<Subscriber<Labelled>>(points),
          {"expected schema opening.Label{x:u64,y:u64}", "found none"});
  for (const auto& refusal :
       {subscriber_refusal<Subscriber<Relabelled>>(labels), publisher_refusal<Publisher<Relabelled>>(labels)}) {
    refused(refusal, {"expected schema opening.Label{y:u64,x:u64}", "found opening.Label{x:u64,y:u64}",
                      "differ first in y: expected u64 at byte 0, found x, u64 at byte 0"});
  }
  const Subscriber<Point> without_a_schema{labels}; // which compares size and alignment alone
}

TEST_CASE("bytes enter a channel with a schema only from a publisher that gives the same") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  { const Publisher<Labelled> typed{location}; }
  const auto refusal = publisher_refusal<BytePublisher>(location);
  CHECK(refusal.code == Errc::wrong_identity);
  CHECK(refusal.says({"schema opening.Label{x:u64,y:u64}", "schema"}));
  const auto other = publisher_refusal<BytePublisher>(location, {.schema = "opening.Label{x:u64,y:i64}"});
  CHECK(other.says({"expected schema opening.Label{x:u64,y:i64}", "found opening.Label{x:u64,y:u64}",
                    "differ first in y: expected i64 at byte 8, found u64 at byte 8"}));
  const auto name_alone = publisher_refusal<BytePublisher>(location, {.schema = "opening.Label"});
  CAPTURE(name_alone.text);
  CHECK(name_alone.says({"expected schema opening.Label, found opening.Label{x:u64,y:u64}"}));
  { const BytePublisher same{location, {.schema = "opening.Label{x:u64,y:u64}"}}; }
  const BytePublisher spelt_otherwise{location, {.schema = "T{@L:x:Q:y:}:opening.Label:"}};
  CHECK(spelt_otherwise.max_message_size() == 16);
}

TEST_CASE("a new channel of bytes gets the schema that its publisher gives, and with it size and alignment") {
  const TemporaryFolder folder;
  { const BytePublisher first{folder.channel(), {.schema = "acme.Text"}}; }
  CHECK(Inspector{folder.channel()}.identity().schema_name == "acme.Text");
  CHECK(publisher_refusal<BytePublisher>(folder.channel()).code == Errc::wrong_identity);
  { const BytePublisher plain{folder.channel("plain")}; }
  CHECK(publisher_refusal<BytePublisher>(folder.channel("plain"), {.schema = "acme.Text"}).code ==
        Errc::wrong_identity);
  const auto typed = publisher_refusal<Publisher<Point>>(folder.channel("points"), {.schema = "acme.Point"});
  CHECK(typed.code == Errc::invalid_options);
  CHECK(typed.says({"schema is for BytePublisher"}));

  const Location labels = folder.channel("labels");
  { const BytePublisher bytes{labels, {.schema = "opening.Label{x:u64,y:u64}"}}; }
  const Subscriber<Labelled> subscriber{labels};
  { const Publisher<Labelled> publisher{labels}; }
  const auto size = publisher_refusal<BytePublisher>(
      folder.channel("size"), {.max_message_size = 17, .schema = "opening.Label{x:u64,y:u64}"});
  CHECK(size.code == Errc::invalid_options);
  CHECK(size.says({"max_message_size is 17", "have 16 bytes"}));
}

TEST_CASE("options that are set are compared with the channel's, options that are not adopt them") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  { const BytePublisher first{location, {.capacity = 16, .max_message_size = 100, .timestamps = true}}; }
  const auto refused = [&](const PublisherOptions& options, std::initializer_list<const char*> words) {
    const auto refusal = publisher_refusal<BytePublisher>(location, options);
    CAPTURE(refusal.text);
    CHECK(refusal.code == Errc::wrong_identity);
    CHECK(refusal.says(words));
  };
  refused({.capacity = 8}, {"expected capacity 8", "found 16"});
  refused({.max_message_size = 99}, {"expected max_message_size 99", "found 100"});
  refused({.message_alignment = 8}, {"expected message_alignment 8", "found 1"});
  refused({.timestamps = false}, {"expected timestamps off", "found on"});
  const BytePublisher adopting{location};
  CHECK(adopting.capacity() == 16);
  CHECK(adopting.max_message_size() == 100);
  CHECK(adopting.timestamps());
  CHECK(adopting.epoch().number == 2);
}

TEST_CASE("the default capacity is for 1 MiB of messages, at least 8 and at most 1024") {
  const TemporaryFolder folder;
  const auto capacity = [&](std::uint32_t size) {
    return BytePublisher{folder.channel(std::to_string(size)), {.max_message_size = size}}.capacity();
  };
  CHECK(capacity(48) == 1024);
  CHECK(capacity(0) == 1024);
  CHECK(capacity(1024) == 1024);
  CHECK(capacity(1025) == 512);
  CHECK(capacity(4096) == 256);
  CHECK(capacity(65536) == 16);
  CHECK(capacity(1 << 20) == 8);
}

TEST_CASE("names that cannot be are refused") {
  const auto refused = [](const Location& location, const char* words) {
    for (const auto& refusal :
         {subscriber_refusal<ByteSubscriber>(location), publisher_refusal<BytePublisher>(location)}) {
      CAPTURE(refusal.text);
      CHECK(refusal.code == Errc::invalid_location);
      CHECK(refusal.says({words}));
    }
    seqcast::Error error;
    CHECK_FALSE(seqcast::remove_channel(location, error));
    CHECK(error == Errc::invalid_location);
    CHECK_THROWS_AS(seqcast::remove_channel(location), std::system_error);
  };
  refused(file(""), "expected the path of a file");
  refused(file("/"), "expected the path of a file");
  refused(file("folder/"), "expected the path of a file");
  refused(file(std::string{"a\0b", 3}), "cannot"); // what() ends at the zero
  refused(shared_memory(""), "expected a name");
  refused(shared_memory("a/b"), "without a slash");
  refused(shared_memory("/a"), "without a slash");
  refused(shared_memory("."), "expected a name");
  refused(shared_memory(".."), "expected a name");
  refused(shared_memory(std::string{"a\0b", 3}), "cannot");
}

TEST_CASE("a missing folder is no channel for a subscriber, and the system's error for a publisher") {
  const TemporaryFolder folder;
  const Location location = folder.channel("missing/channel");
  CHECK(subscriber_refusal<ByteSubscriber>(location).code == Errc::no_channel);
  const auto refusal = publisher_refusal<BytePublisher>(location);
  CHECK(refusal.code == std::errc::no_such_file_or_directory);
  CHECK(refusal.says({to_string(location).c_str(), "its folder does not exist"}));
}
