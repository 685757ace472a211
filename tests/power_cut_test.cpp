// SPDX-License-Identifier: BSL-1.0
//
// What a power cut leaves: a file whose pages are of different ages, or were never written and read as zeros.
// Such files are built from snapshots, page by page, in every combination, with the boot id of another boot. No
// message of them is ever delivered, and sequences go on above every plausible one.
#include <doctest/doctest.h>
#include <seqcast/detail/layout.hpp>
#include <seqcast/seqcast.hpp>
#include "support/checked_payload.hpp"
#include "support/file_bytes.hpp"
#include "support/temporary.hpp"

using namespace test;
using namespace test;
namespace detail = seqcast::detail;
using seqcast::Errc;

namespace {

constexpr std::size_t page = 4096;
constexpr std::uint32_t message_size = 8000; // two pages, so that each slot has a version on another page

void publish(seqcast::BytePublisher& publisher, std::uint64_t count, std::uint64_t seed) {
  std::vector<std::byte> message(message_size);
  for (std::uint64_t i = 0; i < count; ++i) {
    fill_payload(message, publisher.head() + 1, seed);
    publisher.publish(message);
  }
}

/// Says that the file is of another boot of the machine.
void of_another_boot(Bytes& bytes, std::uint64_t which) {
  put_number<std::uint64_t>(bytes, detail::boot_offset, which);
  put_number<std::uint64_t>(bytes, detail::boot_time_offset, which);
}

struct Snapshots {
  Bytes older;
  Bytes newer;
};

/// One publisher's region, twice, with `more` messages in between.
Snapshots of_one_publisher(const TemporaryFolder& folder, std::uint64_t capacity, std::uint64_t before,
                           std::uint64_t more) {
  const std::string path = folder / "made";
  seqcast::BytePublisher publisher{seqcast::file(path),
                                   {.capacity = capacity,
                                    .max_message_size = message_size,
                                    .wakeup = seqcast::Wakeup::polling,
                                    .remove_on_close = true}};
  publish(publisher, before, 1);
  Snapshots made{.older = read_file(path), .newer = {}};
  publish(publisher, more, 1);
  made.newer = read_file(path);
  of_another_boot(made.older, 1);
  of_another_boot(made.newer, 1);
  return made;
}

/// A region as one boot left it, and as it was in the next boot, taken over and published into.
Snapshots of_two_boots(const TemporaryFolder& folder, std::uint64_t capacity, std::uint64_t before,
                       std::uint64_t more) {
  Snapshots made = of_one_publisher(folder, capacity, before, 0);
  const std::string path = folder / "made";
  write_file(path, made.older);
  {
    seqcast::BytePublisher publisher{seqcast::file(path), {.remove_on_close = true}};
    publish(publisher, more, 2);
    made.newer = read_file(path);
  }
  of_another_boot(made.newer, 2);
  return made;
}

std::uint64_t newest_trace(const Bytes& region) {
  std::uint64_t newest = number_at<std::uint64_t>(region, detail::head_offset);
  const auto slots = number_at<std::uint64_t>(region, offsetof(detail::Identity, slots_offset));
  const auto stride = number_at<std::uint64_t>(region, offsetof(detail::Identity, slot_stride));
  for (std::uint64_t at = slots; at < region.size(); at += stride) {
    newest = std::max(newest, number_at<std::uint64_t>(region, at) / 2);
  }
  return newest;
}

template <class Subscriber>
void has_nothing(Subscriber& subscriber) {
  CHECK_FALSE(subscriber.next());
  CHECK_FALSE(subscriber.error());
  CHECK_FALSE(subscriber.latest());
  CHECK_FALSE(subscriber.error());
  CHECK(subscriber.lag() == 0);
}

void is_new(const std::optional<seqcast::ReceivedBytes>& received, std::uint64_t sequence,
            std::uint64_t lost = 0) {
  REQUIRE(received);
  CHECK(received->sequence == sequence);
  CHECK(received->lost == lost);
  CHECK(is_whole(received->message, sequence, 3));
}

/// All possible contents after the cut.
void survive(const std::string& path, const Bytes& left) {
  write_file(path, left);
  const std::uint64_t trace = newest_trace(left);
  seqcast::ByteSubscriber early{seqcast::file(path), {.start = seqcast::StartPosition::oldest}};
  CHECK(early.state() == seqcast::ChannelState::no_publisher);
  has_nothing(early);
  const std::uint64_t cursor = early.seek(~std::uint64_t{0}) - 1;

  seqcast::BytePublisher publisher{seqcast::file(path)};
  CHECK(publisher.head() >= trace);
  seqcast::ByteSubscriber late{seqcast::file(path), {.start = seqcast::StartPosition::oldest}};
  has_nothing(early);
  has_nothing(late);
  const std::uint64_t first = publisher.head() + 1;
  publish(publisher, 1, 3);
  is_new(early.next(), first, publisher.head() - 1 - cursor); // it was attached when they were discarded
  is_new(late.latest(), first);
  publish(publisher, publisher.capacity() - 2, 3);
  for (std::uint64_t sequence = first + 1; sequence <= publisher.head(); ++sequence) {
    is_new(early.next(), sequence);
    is_new(late.next(), sequence);
  }
  CHECK_FALSE(early.next());
  CHECK_FALSE(late.next());
}

} // namespace

TEST_CASE("no message of a file with pages of two ages is delivered, and sequences go on above it") {
  if (test::no_disk()) return;
  const TemporaryFolder folder{test::disk_place()};
  std::uint64_t files = 0;
  for (const auto make : {of_one_publisher, of_two_boots}) {
    for (const std::uint64_t capacity : {2U, 4U}) {
      for (const auto& [before, more] : {std::pair{0U, 1U}, {1U, 1U}, {2U, 3U}, {3U, 9U}}) {
        const auto [older, newer] = make(folder, capacity, before, more);
        const std::size_t pages = (older.size() + page - 1) / page;
        for (std::size_t choice = 0; choice < std::size_t{1} << pages; ++choice) {
          CAPTURE(capacity);
          CAPTURE(choice);
          Bytes mixed = older;
          for (std::size_t at = 0; at < mixed.size(); ++at) {
            if ((choice >> at / page & 1) != 0) mixed[at] = newer[at];
          }
          survive(folder / "mixed", mixed);
          ++files;
        }
      }
    }
  }
  MESSAGE(files << " files");
  CHECK(files == 2 * 4 * (32 + 256));
}

TEST_CASE(
    "of a file with pages that never reached the disk nothing is delivered, and one without its first is no "
    "channel") {
  if (test::no_disk()) return;
  const TemporaryFolder folder{test::disk_place()};
  const auto [older, newer] = of_one_publisher(folder, 2, 3, 4);
  std::uint64_t files = 0;
  std::uint64_t refused = 0;
  for (std::size_t choice = 0; choice < 3 * 3 * 3 * 3 * 3; ++choice, ++files) {
    CAPTURE(choice);
    Bytes mixed = older;
    std::size_t rest = choice;
    for (std::size_t begin = 0; begin < mixed.size(); begin += page, rest /= 3) {
      for (std::size_t at = begin; at < std::min(begin + page, mixed.size()); ++at) {
        mixed[at] = rest % 3 == 0 ? std::uint8_t{0} : rest % 3 == 1 ? older[at] : newer[at];
      }
    }
    if (choice % 3 != 0) {
      survive(folder / "mixed", mixed);
      continue;
    }
    ++refused;
    write_file(folder / "mixed", mixed);
    seqcast::Error error;
    for (const bool replace : {false, true}) {
      CHECK_FALSE(seqcast::BytePublisher::open(folder.channel("mixed"), {.replace = replace}, error));
      CHECK(error == Errc::not_a_channel);
    }
    CHECK_FALSE(seqcast::ByteSubscriber::open(folder.channel("mixed"), {}, error));
    CHECK(error == Errc::not_a_channel);
    CHECK(read_file(folder / "mixed") == mixed);
  }
  CHECK(files == 243);
  CHECK(refused == 81);
}

TEST_CASE("a creation that was interrupted before the magic is no channel, and is not changed") {
  if (test::no_disk()) return;
  const TemporaryFolder folder{test::disk_place()};
  Bytes bytes = of_one_publisher(folder, 2, 3, 0).older;
  put_number<std::uint64_t>(bytes, 0, 0);
  write_file(folder / "channel", bytes);
  seqcast::Error error;
  CHECK_FALSE(seqcast::ByteSubscriber::open(folder.channel(), {}, error));
  CHECK(error == Errc::not_a_channel);
  CHECK_FALSE(seqcast::BytePublisher::open(folder.channel(), {.replace = true}, error));
  CHECK(error == Errc::not_a_channel);
  CHECK_FALSE(seqcast::remove_channel(folder.channel(), error));
  CHECK(error == Errc::not_a_channel);
  CHECK(read_file(folder / "channel") == bytes);
}

TEST_CASE("a channel of an older format is refused with both versions, and replaced on request") {
  if (test::no_disk()) return;
  const TemporaryFolder folder{test::disk_place()};
  Bytes bytes = of_one_publisher(folder, 2, 3, 0).older;
  put_number<std::uint32_t>(bytes, offsetof(detail::Identity, version), 0);
  write_file(folder / "channel", bytes);
  seqcast::Error error;
  CHECK_FALSE(seqcast::ByteSubscriber::open(folder.channel(), {}, error));
  CHECK(error == Errc::wrong_version);
  CHECK_FALSE(seqcast::BytePublisher::open(folder.channel(), {}, error));
  CHECK(error == Errc::wrong_version);
  CHECK(read_file(folder / "channel") == bytes);
  auto publisher = seqcast::BytePublisher::open(folder.channel(), {.replace = true}, error);
  REQUIRE(publisher);
  CHECK(publisher->head() == 0);
}
