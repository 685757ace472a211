// SPDX-License-Identifier: BSL-1.0
//
// Copies of a region in which one word is wrong, and nobody publishes: a subscriber that reads and waits comes
// to an end, with an error or with nothing more to read. ring_hostile_test.cpp does that to the ring alone.
#include "support/file_bytes.hpp"
#include "support/temporary.hpp"
#include "support/waiting.hpp"

#include <doctest/doctest.h>
#include <seqcast/detail/layout.hpp>

#include <limits>

using namespace test;
namespace detail = seqcast::detail;
using seqcast::Errc;

namespace {

constexpr std::uint64_t capacity = 8;
constexpr std::uint64_t most_reports = 4 * capacity;

struct Tally {
  std::uint64_t opened = 0;
  std::uint64_t refused = 0;
  std::uint64_t corrupt = 0;
};

/// Reads and waits, as programs and the tool do, until there is nothing more; gives the number of calls that
/// reported something.
template <class Subscriber>
std::uint64_t read_to_the_end(Subscriber& subscriber, bool newest, Tally& tally) {
  for (std::uint64_t reports = 0;; ++reports) {
    if (reports > most_reports) return reports;
    const std::uint64_t before = subscriber.cursor();
    if ((newest ? subscriber.latest() : subscriber.next()) && subscriber.cursor() != before) continue;
    if (subscriber.error() == Errc::corrupt) {
      ++tally.corrupt;
      return reports;
    }
    // The end of the publisher is a report as well.
    if (!newest && subscriber.wait_for(0s) == WaitResult::timeout) return reports;
    // latest() may give the same message, or pass it over, again and again.
    if (newest && subscriber.error() != Errc::overrun) return reports;
  }
}

template <class Subscriber>
void try_all(const seqcast::Location& place, Tally& tally) {
  for (const auto resume :
       {seqcast::ResumePosition::half, seqcast::ResumePosition::newest, seqcast::ResumePosition::oldest}) {
    for (const bool newest : {false, true}) {
      seqcast::Error error;
      auto subscriber =
          Subscriber::open(place, {.start = seqcast::StartPosition::oldest, .resume = resume}, error);
      ++(subscriber ? tally.opened : tally.refused);
      if (subscriber) CHECK(read_to_the_end(*subscriber, newest, tally) <= most_reports);
    }
  }
}

} // namespace

TEST_CASE("whichever word of a region without a publisher is wrong, reading and waiting come to an end") {
  const TemporaryFolder folder;
  Bytes honest;
  {
    NumberPublisher publisher{folder.channel("live"), {.capacity = capacity}};
    for (Number i = 1; i <= 2 * capacity + 3; ++i) publisher.publish(i);
    honest = read_file(folder / "live");
  }
  const std::string path = folder / "copy";
  const auto place = folder.channel("copy");
  write_file(path, honest);
  Tally tally;
  try_all<NumberSubscriber>(place, tally);
  REQUIRE(tally.opened == 6);
  REQUIRE(tally.corrupt == 0);

  const std::size_t slot_words = detail::cache_line / detail::word_size;
  for (std::size_t offset = 0; offset < honest.size(); offset += detail::word_size) {
    const std::size_t words_in = offset / detail::word_size - detail::header_size / detail::word_size;
    if (offset >= detail::header_size && words_in % slot_words > detail::size_word) continue; // the payload
    CAPTURE(offset);
    const auto right = number_at<std::uint64_t>(honest, offset);
    for (const std::uint64_t wrong :
         {std::uint64_t{0}, std::uint64_t{1}, right - 2 * capacity, right + 2 * capacity, right + 4 * capacity,
          right - 1, right + 1, right ^ 0xFF, right ^ 0x100, right << 8, right ^ std::uint64_t{1} << 40,
          right ^ std::uint64_t{1} << 63, (std::numeric_limits<std::uint64_t>::max)()}) {
      CAPTURE(wrong);
      patch_file(path, offset, wrong);
      try_all<NumberSubscriber>(place, tally);
      if (words_in % 4 == 0) try_all<seqcast::ByteSubscriber>(place, tally);
    }
    patch_file(path, offset, right);
  }
  CHECK(tally.opened > 1000);
  CHECK(tally.refused > 1000);
  CHECK(tally.corrupt > 100);
}
