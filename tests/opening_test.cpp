// SPDX-License-Identifier: BSL-1.0
//
// Files that are no channel of this version: each is refused with a code of its own and an explanation that
// names the location, what was expected and what was found, and no byte of it changes.
#include <doctest/doctest.h>
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"
#include "support/temporary.hpp"

#include <algorithm>

#include <limits>

using namespace seqcast;
using test::Bytes;
using test::publisher_refusal;
using test::subscriber_refusal;
using test::TemporaryFolder;

namespace {

/// A small channel with three messages in it, closed.
void make_channel(const Location& location) {
  BytePublisher publisher{location,
                          {.capacity = 4, .max_message_size = 32, .wakeup = seqcast::Wakeup::polling}};
  for (const char* text : {"one", "two", "three"}) publisher.publish(std::string_view{text});
}

/// Both sides refuse what is there, in the same words, and change nothing.
void refused(const Location& location, Errc code, std::initializer_list<const char*> words) {
  const Bytes before = test::read_file(location.name());
  for (const test::Refusal& refusal :
       {subscriber_refusal<ByteSubscriber>(location), publisher_refusal<BytePublisher>(location)}) {
    CAPTURE(refusal.text);
    CHECK(refusal.code == code);
    CHECK(refusal.says({to_string(location).c_str()}));
    CHECK(refusal.says(words));
  }
  CHECK(test::read_file(location.name()) == before);
}

void is_left_alone(const Location& location) {
  const Bytes before = test::read_file(location.name());
  const test::Refusal refusal = publisher_refusal<BytePublisher>(location, {.replace = true});
  CHECK(refusal.code == Errc::not_a_channel);
  CHECK(refusal.says({"left alone"}));
  seqcast::Error error;
  CHECK_FALSE(seqcast::remove_channel(location, error));
  CHECK(error == Errc::not_a_channel);
  CHECK(test::read_file(location.name()) == before);
}

} // namespace

TEST_CASE("for a subscriber a missing file is Errc::no_channel") {
  const TemporaryFolder folder;
  const auto refusal = subscriber_refusal<ByteSubscriber>(folder.channel());
  CHECK(refusal.code == Errc::no_channel);
  CHECK(refusal.says({"cannot subscribe to file(", "nothing is there", "open_timeout"}));
  const test::TemporaryObject name;
  const auto other = subscriber_refusal<ByteSubscriber>(name.channel());
  CHECK(other.code == Errc::no_channel);
  CHECK(other.says({"shared_memory(", "nothing is there"}));
}

TEST_CASE("an empty file is no channel yet for a subscriber, and a place for a publisher") {
  const TemporaryFolder folder;
  test::write_text(folder / "channel", "");
  const auto refusal = subscriber_refusal<ByteSubscriber>(folder.channel());
  CHECK(refusal.code == Errc::no_channel);
  CHECK(refusal.says({"the file is empty"}));
  make_channel(folder.channel());
  ByteSubscriber subscriber{folder.channel(), {.start = StartPosition::oldest}};
  CHECK(subscriber.next()->text() == "one");
}

TEST_CASE("a file that is no channel is refused and not changed, by replace and remove_channel() too") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  SUBCASE("one byte") {
    test::write_text(location.name(), "x");
    refused(location, Errc::not_a_channel, {"expected a channel", "found a file of 1 bytes"});
  }
  SUBCASE("one byte less than a header") {
    test::write_file(location.name(), Bytes(511, 'x'));
    refused(location, Errc::not_a_channel, {"found a file of 511 bytes"});
  }
  SUBCASE("a long text") {
    test::write_file(location.name(), Bytes(100'000, 'x'));
    refused(location, Errc::not_a_channel, {"expected a seqcast channel", "found something else"});
  }
  SUBCASE("zeros") {
    test::write_file(location.name(), Bytes(4096, 0));
    refused(location, Errc::not_a_channel, {"expected a seqcast channel"});
  }
  SUBCASE("a channel whose magic has one other byte") {
    make_channel(location);
    test::patch_file<std::uint8_t>(location.name(), 7, '\r');
    refused(location, Errc::not_a_channel, {"expected a seqcast channel"});
  }
  is_left_alone(location);
}

TEST_CASE("a channel of the other byte order, another version or with an unknown feature says which") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  make_channel(location);
  SUBCASE("byte order") {
    Bytes bytes = test::read_file(location.name());
    std::reverse(bytes.begin(), bytes.begin() + 8);
    test::write_file(location.name(), bytes);
    refused(location, Errc::wrong_byte_order,
            {"expected a channel of this machine's byte order", "found the other"});
  }
  SUBCASE("version") {
    test::patch_file<std::uint32_t>(location.name(), 8, 2);
    refused(location, Errc::wrong_version, {"expected format version 1", "found 2"});
  }
  SUBCASE("version 0") {
    test::patch_file<std::uint32_t>(location.name(), 8, 0);
    refused(location, Errc::wrong_version, {"expected format version 1", "found 0"});
  }
  SUBCASE("incompatible flag") {
    test::patch_file<std::uint64_t>(location.name(), 72, 1ULL << 40);
    refused(location, Errc::unknown_feature, {"a newer seqcast made the channel", "1099511627776"});
  }
  BytePublisher replacing{location, {.replace = true}};
  CHECK(replacing.publish("goes on") == 1);
}

TEST_CASE("an unknown compatible flag is accepted") {
  const TemporaryFolder folder;
  make_channel(folder.channel());
  test::patch_file<std::uint64_t>(folder / "channel", 64, 1ULL << 40);
  CHECK(ByteSubscriber{folder.channel()}.latest()->text() == "three");
}

TEST_CASE("every impossible number in the header is refused by both sides") {
  struct Field {
    std::size_t offset;
    std::size_t size;
    std::initializer_list<std::uint64_t> absurd;
    const char* expected;
  };
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const std::array<Field, 8> fields{{
      {12, 4, {0, 511, 513, 4096, 0xFFFF'FFFF}, "a header of 512 bytes"},
      {16, 8, {0, 767, 769, 1ULL << 46, most}, "a region size"},
      {24, 8, {0, 448, 513, 1ULL << 40, most - 63}, "the slots behind the header"},
      {32, 8, {0, 8, 63, 65, 1ULL << 60, most - 63}, "a slot stride"},
      {40, 8, {0, 1, 3, 5, 1ULL << 33, 1ULL << 63, most}, "a capacity"},
      {48, 4, {0x8000'0001, 0xFFFF'FFFF}, "messages of at most"},
      {52, 4, {0, 3, 8192, 0x8000'0000, 0xFFFF'FFFF}, "an alignment"},
      {56, 4, {0, 8, 17, 20, 131072, 0xFFFF'FFF8}, "an aligned payload offset"},
  }};
  const TemporaryFolder folder;
  const Location location = folder.channel();
  make_channel(location);
  const Bytes sound = test::read_file(location.name());
  for (const Field& field : fields) {
    for (const std::uint64_t value : field.absurd) {
      CAPTURE(field.offset);
      CAPTURE(value);
      if (field.size == 4) {
        test::patch_file(location.name(), field.offset, static_cast<std::uint32_t>(value));
      } else {
        test::patch_file(location.name(), field.offset, value);
      }
      const std::string found = "its header has " + std::to_string(value);
      refused(location, Errc::wrong_geometry, {field.expected, found.c_str()});
      test::write_file(location.name(), sound);
    }
  }
  CHECK(ByteSubscriber{location}.latest()->text() == "three");
}

TEST_CASE("sizes that fit the stride but not one another are refused") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  make_channel(location);
  SUBCASE("a capacity twice as large, in a file of the old size") {
    test::patch_file<std::uint64_t>(location.name(), 40, 8);
    refused(location, Errc::wrong_geometry, {"slots offset + capacity x stride"});
  }
  SUBCASE("a message that does not fit the slot") {
    test::patch_file<std::uint32_t>(location.name(), 48, 49);
    refused(location, Errc::wrong_geometry, {"a slot stride of whole cache lines that holds a message"});
  }
  SUBCASE("timestamps where the payload begins") {
    test::patch_file<std::uint64_t>(location.name(), 64, 1);
    refused(location, Errc::wrong_geometry, {"an aligned payload offset"});
  }
  SUBCASE("a truncated file") {
    std::filesystem::resize_file(location.name(), 767);
    refused(location, Errc::wrong_geometry, {"767 bytes", "may have been truncated"});
  }
  SUBCASE("a file cut behind the header") {
    std::filesystem::resize_file(location.name(), 512);
    refused(location, Errc::wrong_geometry, {"512 bytes", "may have been truncated"});
  }
  SUBCASE("a schema name without an end") {
    for (std::size_t i = 88; i < 192; ++i) test::patch_file<std::uint8_t>(location.name(), i, 'x');
    refused(location, Errc::wrong_geometry, {"a schema name that ends with a zero"});
  }
}

TEST_CASE("slots that contradict the header are damage: refused, nothing stored, and replaced on request") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  make_channel(location);
  test::patch_file<std::uint64_t>(location.name(), 512 + 64, 2 * 4); // message 4 in the slot of message 2
  const Bytes before = test::read_file(location.name());
  const auto refusal = publisher_refusal<BytePublisher>(location);
  CHECK(refusal.code == Errc::damaged);
  CHECK(refusal.says({to_string(location).c_str(), "contradict", "replace"}));
  CHECK(test::read_file(location.name()) == before);
  CHECK(BytePublisher{location, {.replace = true}}.publish("goes on") == 1);
}

TEST_CASE("a head that no publisher stores is damage for a subscriber") {
  const TemporaryFolder folder;
  make_channel(folder.channel());
  test::patch_file<std::uint64_t>(folder / "channel", 256, std::numeric_limits<std::uint64_t>::max());
  CHECK(subscriber_refusal<ByteSubscriber>(folder.channel()).code == Errc::damaged);
}

TEST_CASE("a folder is no channel, and is not changed") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  std::filesystem::create_directory(location.name());
  for (const auto& refusal :
       {subscriber_refusal<ByteSubscriber>(location), publisher_refusal<BytePublisher>(location),
        publisher_refusal<BytePublisher>(location, {.replace = true})}) {
    CAPTURE(refusal.text);
    CHECK(refusal.code == Errc::not_a_regular_file);
    CHECK(refusal.says({to_string(location).c_str(), "found a folder", "give the path of a file"}));
  }
  seqcast::Error error;
  CHECK_FALSE(seqcast::remove_channel(location, error));
  CHECK(error == Errc::not_a_regular_file);
  CHECK(std::filesystem::is_directory(location.name()));
}
