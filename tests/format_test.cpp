// SPDX-License-Identifier: BSL-1.0
//
// The bytes of a region, written by hand from lib/docs/format.md. A real publisher's file is compared with
// them, and a file made of them is read by a subscriber and taken over by a publisher. The id, the process, the
// boot id and the publish times, which differ from run to run, are zeros here. The bytes are those of a little-endian
// machine; on others the bytes of each number are reversed.
#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>
#include "support/file_bytes.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <string_view>

namespace golden {
struct Pair {
  std::uint64_t number;
  std::uint64_t repeated;
};
} // namespace golden

template <>
struct seqcast::schema<golden::Pair> {
  static constexpr std::string_view name = "golden.Pair";
  static constexpr auto fields = seqcast::fields(seqcast::field("number", &golden::Pair::number),
                                                 seqcast::field("repeated", &golden::Pair::repeated));
};

using namespace seqcast;
using test::Bytes;

namespace {

constexpr bool little = std::endian::native == std::endian::little;
constexpr std::size_t region_size = 704;

struct Row {
  std::size_t offset;
  std::string_view hex;  // bytes in hexadecimal; the rest of the region is zero
  std::size_t width = 8; // bytes of each number; 1 for text
};

// Capacity 2, messages of up to 16 bytes, alignment 8, a schema; three messages published, closed.
constexpr std::array<Row, 24> header{{
    {0, "53 45 51 43 41 53 54 0A"},                                       // magic "SEQCAST\n"
    {8, "01 00 00 00", 4},                                                // format version
    {12, "00 02 00 00", 4},                                               // header size 512
    {16, "C0 02 00 00 00 00 00 00"},                                      // region size 704
    {24, "40 02 00 00 00 00 00 00"},                                      // slots offset 576
    {32, "40 00 00 00 00 00 00 00"},                                      // slot stride 64
    {40, "02 00 00 00 00 00 00 00"},                                      // capacity 2
    {48, "10 00 00 00", 4},                                               // max message size 16
    {52, "08 00 00 00", 4},                                               // message alignment 8
    {72, "00 00 00 00 00 00 00 00"},                                      // incompatible flags
    {60, "19 00 00 00", 4},                                               // 25 bytes of format
    {80, little ? "21 CD 69 8A 78 9A C2 01" : "85 A2 05 A0 A3 8B 1D 69"}, // schema tag
    {88, "67 6F 6C 64 65 6E 2E 50 61 69 72", 1},                          // schema name "golden.Pair"
    {192, "00 00 00 00 00 00 00 00"},                                     // id
    // T{<Q:number:<Q:repeated:}, or > on a big-endian machine
    {512,
     little ? "54 7B 3C 51 3A 6E 75 6D 62 65 72 3A 3C 51 3A 72 65 70 65 61 74 65 64 3A 7D"
            : "54 7B 3E 51 3A 6E 75 6D 62 65 72 3A 3E 51 3A 72 65 70 65 61 74 65 64 3A 7D",
     1},
    {256, "03 00 00 00 00 00 00 00"},                         // head 3
    {384, "02 00 00 00 00 00 00 00"},                         // state closed
    {392, "01 00 00 00 00 00 00 00"},                         // epoch 1
    {400, "00 00 00 00 00 00 00 00"},                         // first sequence of the last even epoch
    {408, "01 00 00 00 00 00 00 00"},                         // first sequence of the last odd epoch
    {416, "01 00 00 00 00 00 00 00"},                         // oldest
    {424, "00 00 00 00 00 00 00 00"},                         // process
    {432, "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"}, // boot id
    {480, "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"}, // the origin's epoch: of a mirror
}};

constexpr std::array<Row, 8> plain_slots{{
    {56, "10 00 00 00", 4},                                   // payload offset 16
    {64, "02 00 00 00 00 00 00 00"},                          // compatible flags: doorbell
    {576, "06 00 00 00 00 00 00 00"},                         // message 3
    {584, "10 00 00 00 00 00 00 00", 4},                      // 16 bytes
    {592, "03 00 00 00 00 00 00 00 33 33 33 33 33 33 33 33"}, //
    {640, "07 00 00 00 00 00 00 00"},                         // open for message 4
    {648, "10 00 00 00 00 00 00 00", 4},                      //
    {656, "02 00 00 00 00 00 00 00 22 22 22 22 22 22 22 22"}, // still message 2
}};

constexpr std::array<Row, 8> timed_slots{{
    {56, "18 00 00 00", 4},                                   // payload offset 24
    {64, "03 00 00 00 00 00 00 00"},                          // doorbell and timestamps
    {576, "06 00 00 00 00 00 00 00"},                         // version
    {584, "10 00 00 00 00 00 00 00", 4},                      // size; no time
    {600, "03 00 00 00 00 00 00 00 33 33 33 33 33 33 33 33"}, //
    {640, "07 00 00 00 00 00 00 00"},                         //
    {648, "10 00 00 00 00 00 00 00", 4},                      //
    {664, "02 00 00 00 00 00 00 00 22 22 22 22 22 22 22 22"}, //
}};

std::uint8_t digit(char c) {
  return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'A' + 10);
}

template <std::size_t Count>
void put(Bytes& bytes, const std::array<Row, Count>& rows) {
  for (const Row& row : rows) {
    for (std::size_t i = 0; 3 * i < row.hex.size(); ++i) {
      const std::size_t in_number = i % row.width;
      const std::size_t place = little ? in_number : row.width - 1 - in_number;
      bytes.at(row.offset + i - in_number + place) =
          static_cast<std::uint8_t>(digit(row.hex[3 * i]) * 16 + digit(row.hex[3 * i + 1]));
    }
  }
}

Bytes golden_bytes(bool timestamps) {
  Bytes bytes(region_size);
  put(bytes, header);
  put(bytes, timestamps ? timed_slots : plain_slots);
  return bytes;
}

using golden::Pair;

Pair pair(std::uint64_t number) {
  return {number, number * 0x1111'1111'1111'1111};
}

/// What three messages of a real publisher leave in a file.
Bytes published(const test::TemporaryFolder& folder, bool timestamps, std::uint64_t count = 3) {
  const std::string path = folder / "published";
  Publisher<Pair> publisher{file(path), {.capacity = 2, .timestamps = timestamps}};
  for (std::uint64_t number = 1; number <= count; ++number) publisher.publish(pair(number));
  { const Publisher<Pair> closed = std::move(publisher); }
  return test::read_file(path);
}

// Where each run differs, and that there is something there.
void clear_run(Bytes& bytes, bool timestamps) {
  CHECK(test::number_at<std::uint64_t>(bytes, 424) == test::process_id());
  CHECK(test::number_at<std::uint64_t>(bytes, 432) != 0);
  CHECK(test::number_at<std::uint64_t>(bytes, 192) != 0);
  for (const std::size_t word : {192U, 424U, 432U, 440U, 456U}) test::put_number<std::uint64_t>(bytes, word, 0);
  if (!timestamps) return;
  for (const std::size_t word : {592U, 656U}) {
    CHECK(test::number_at<std::uint64_t>(bytes, word) != 0);
    test::put_number<std::uint64_t>(bytes, word, 0);
  }
}

/// A file of golden bytes, as if it had been written since this machine was started.
std::string golden_file(const test::TemporaryFolder& folder, bool timestamps) {
  const Bytes ours = published(folder, timestamps);
  Bytes bytes = golden_bytes(timestamps);
  for (const std::size_t word : {432U, 440U}) {
    test::put_number(bytes, word, test::number_at<std::uint64_t>(ours, word));
  }
  if (timestamps) test::put_number(bytes, 592, test::number_at<std::uint64_t>(ours, 592));
  const std::string path = folder / "golden";
  test::write_file(path, bytes);
  return path;
}

} // namespace

TEST_CASE("a publisher leaves in a file, byte for byte, what the format says") {
  for (const bool timestamps : {false, true}) {
    CAPTURE(timestamps);
    const test::TemporaryFolder folder;
    Bytes bytes = published(folder, timestamps);
    const Bytes expected = golden_bytes(timestamps);
    REQUIRE(bytes.size() == region_size);
    clear_run(bytes, timestamps);
    for (std::size_t offset = 0; offset < region_size; ++offset) {
      CAPTURE(offset);
      CHECK(bytes[offset] == expected[offset]);
    }
  }
}

TEST_CASE("the bell has the bytes of the format, and the region's flag names it") {
  const test::TemporaryFolder folder;
  published(folder, false);
  Bytes bell = test::read_file(folder / "published.bell");
  REQUIRE(bell.size() == 4096);
  test::put_number<std::uint64_t>(bell, 72, 0); // the word, rung any number of times
  Bytes expected(4096);
  const std::string_view magic = "SEQBELL\n";
  std::copy(magic.begin(), magic.end(), expected.begin());
  if (!little) std::reverse(expected.begin(), expected.begin() + 8);
  CHECK(bell == expected);
}

TEST_CASE("the compatible flags follow from PublisherOptions::wakeup and timestamps") {
  const auto flags = [](const PublisherOptions& options) {
    const test::TemporaryFolder folder;
    const BytePublisher publisher{folder.channel(), options};
    CHECK(std::filesystem::exists(folder / "channel.bell") ==
          (options.wakeup.value_or(Wakeup::bell) == Wakeup::bell));
    return test::number_at<std::uint64_t>(test::read_file(folder / "channel"), 64);
  };
  CHECK(flags({}) == 2);
  CHECK(flags({.timestamps = true}) == 3);
  CHECK(flags({.wakeup = seqcast::Wakeup::polling}) == 0);
  CHECK(flags({.wakeup = seqcast::Wakeup::every_message}) == 4);
}

TEST_CASE("a gap has the mark of the format beside a size of 0, and the incompatible flag announces it") {
  const test::TemporaryFolder folder;
  {
    Publisher<Pair> publisher{folder.channel(), {.capacity = 2, .gaps = true}};
    publisher.publish(pair(1));
    CHECK(publisher.skip(1) == 2);
  }
  const Bytes bytes = test::read_file(folder / "channel");
  CHECK(test::number_at<std::uint64_t>(bytes, 72) == 1);
  CHECK(test::number_at<std::uint64_t>(bytes, 640) == 4); // version: sequence 2, complete
  CHECK(test::number_at<std::uint32_t>(bytes, 648) == 0); // size
  CHECK(test::number_at<std::uint32_t>(bytes, 652) == 1); // marks
  {
    Publisher<Pair> publisher{folder.channel()};
    CHECK(publisher.skip(2) == 4);
  }
  const Bytes jumped = test::read_file(folder / "channel");
  CHECK(test::number_at<std::uint64_t>(jumped, 256) == 4); // head
  CHECK(test::number_at<std::uint64_t>(jumped, 416) == 5); // oldest
  CHECK(test::number_at<std::uint64_t>(jumped, 576) == 9); // open for 5
  CHECK(test::number_at<std::uint64_t>(jumped, 640) == 7); // open for 4, which was left out
}

TEST_CASE("a mirror has the id of its origin, a flag, and the origin's epoch") {
  const test::TemporaryFolder folder;
  {
    BytePublisher publisher{folder.channel(), {.mirror_of = 7}};
    CHECK(publisher.publish_as("text", {.sequence = 3}, {.number = 5, .first_sequence = 2}) == 3);
  }
  const Bytes bytes = test::read_file(folder / "channel");
  CHECK(test::number_at<std::uint64_t>(bytes, 64) == 18); // compatible flags: mirror and bell
  CHECK(test::number_at<std::uint64_t>(bytes, 72) == 1);  // incompatible flags: gaps
  CHECK(test::number_at<std::uint64_t>(bytes, 192) == 7); // id
  CHECK(test::number_at<std::uint64_t>(bytes, 392) == 1); // epoch of this region
  CHECK(test::number_at<std::uint64_t>(bytes, 480) == 5); // of the origin
  CHECK(test::number_at<std::uint64_t>(bytes, 488) == 2); // its first sequence
}

TEST_CASE("a subscriber reads a file made of those bytes") {
  for (const bool timestamps : {false, true}) {
    CAPTURE(timestamps);
    const test::TemporaryFolder folder;
    Subscriber<Pair> subscriber{file(golden_file(folder, timestamps)), {.start = StartPosition::oldest}};
    CHECK(subscriber.capacity() == 2);
    CHECK(subscriber.max_message_size() == 16);
    CHECK(subscriber.timestamps() == timestamps);
    CHECK(subscriber.state() == ChannelState::closed);
    REQUIRE(subscriber.epoch());
    CHECK(subscriber.epoch()->number == 1);
    CHECK(subscriber.epoch()->first_sequence == 1);
    CHECK(subscriber.lag() == 1); // message 2 is in the open slot
    const auto received = subscriber.next();
    REQUIRE(received);
    CHECK(received->sequence == 3);
    CHECK(received->lost == 0);
    CHECK(received->message.number == pair(3).number);
    CHECK(received->message.repeated == pair(3).repeated);
    CHECK(received->published_at.has_value() == timestamps);
  }
}

TEST_CASE("a publisher takes over a file made of those bytes") {
  const test::TemporaryFolder folder;
  const Location golden_channel = file(golden_file(folder, false));
  Publisher<Pair> publisher{golden_channel};
  CHECK(publisher.head() == 3);
  CHECK(publisher.epoch().number == 2);
  CHECK(publisher.epoch().first_sequence == 4);
  CHECK(publisher.publish(pair(4)) == 4);
}

TEST_CASE("a subscriber of those bytes refuses another schema") {
  const test::TemporaryFolder folder;
  Bytes bytes = golden_bytes(false);
  bytes.at(88) = 'G';
  test::write_file(folder / "golden", bytes);
  seqcast::Error error;
  CHECK_FALSE(Subscriber<Pair>::open(folder.channel("golden"), {}, error));
  CHECK(error == Errc::wrong_identity);
}

TEST_CASE("the state word is live, closed or, in a region that has lost its name, superseded") {
  const test::TemporaryFolder folder;
  const auto state = [&](const char* name) {
    return test::number_at<std::uint64_t>(test::read_file(folder / name), 384);
  };
  {
    const Publisher<Pair> publisher{folder.channel()};
    CHECK(state("channel") == 1);
  }
  CHECK(state("channel") == 2);
  std::filesystem::create_hard_link(folder / "channel", folder / "replaced");
  { const BytePublisher publisher{folder.channel(), {.max_message_size = 7, .replace = true}}; }
  CHECK(state("replaced") == 3);
  CHECK(state("channel") == 2);
  std::filesystem::create_hard_link(folder / "channel", folder / "removed");
  CHECK(seqcast::remove_channel(folder.channel()));
  CHECK(state("removed") == 3);
}

TEST_CASE("a slot of a 48-byte message is one cache line, and so is one of 40 bytes with its publish time") {
  struct Longest {
    std::array<std::uint64_t, 6> words;
  };
  struct LongestTimed {
    std::array<std::uint64_t, 5> words;
  };
  const test::TemporaryFolder folder;
  const Publisher<Longest> plain{folder.channel("plain"), {.capacity = 2}};
  const Publisher<LongestTimed> timed{folder.channel("timed"), {.capacity = 2, .timestamps = true}};
  CHECK(test::number_at<std::uint64_t>(test::read_file(folder / "plain"), 32) == 64);
  CHECK(test::number_at<std::uint64_t>(test::read_file(folder / "timed"), 32) == 64);
}
