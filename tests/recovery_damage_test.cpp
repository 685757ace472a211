// SPDX-License-Identifier: BSL-1.0
//
// Take-over of a damaged region: every kind of damage is refused, with nothing stored. Take-over of a file that
// an earlier boot of the machine left: its messages are discarded, and only the sequence goes on.
#include <doctest/doctest.h>
#include "support/staged_ring.hpp"

#include <functional>
#include <string>

using namespace test;

namespace {

constexpr std::uint64_t two_to_62 = std::uint64_t{1} << 62;

struct Damage {
  std::string name;
  std::function<void(StagedRing&)> make; // to a ring of 8 with 20 messages
};

const std::array<Damage, 16> damages{{
    {"head is 2^62", [](StagedRing& ring) { ring.head() = two_to_62; }},
    {"head is so large that the next sequences would not fit",
     [](StagedRing& ring) { ring.head() = two_to_62 - 8; }},
    {"head is the largest number", [](StagedRing& ring) { ring.head() = ~std::uint64_t{0}; }},
    {"head is one ahead of the slots", [](StagedRing& ring) { ring.head() = 21; }},
    {"head is a ring ahead of the slots", [](StagedRing& ring) { ring.head() = 28; }},
    {"head is two behind the slots", [](StagedRing& ring) { ring.head() = 18; }},
    {"head is zero", [](StagedRing& ring) { ring.head() = 0; }},
    {"the newest message is open again", [](StagedRing& ring) { ring.version(20) = 39; }},
    {"the newest message is an older one", [](StagedRing& ring) { ring.version(20) = 24; }},
    {"the newest message was never there", [](StagedRing& ring) { ring.version(20) = 0; }},
    {"the next slot is open for a later message", [](StagedRing& ring) { ring.version(21) = 2 * 29 - 1; }},
    {"some slot holds a message of another slot", [](StagedRing& ring) { ring.version(17) = 2 * 16; }},
    {"some slot holds a message from the future", [](StagedRing& ring) { ring.version(17) = 2 * 25; }},
    {"some slot has a version of 2^63 and more",
     [](StagedRing& ring) { ring.version(17) = 2 * two_to_62 + 2; }},
    {"some slot has the largest version", [](StagedRing& ring) { ring.version(18) = ~std::uint64_t{0}; }},
    {"the oldest message is to come long after head", [](StagedRing& ring) { ring.oldest() = 22; }},
}};

std::uint64_t newest_plausible(StagedRing& ring) {
  return detail::newest_plausible<StagedPolicy>(ring.words.data(), ring.geometry);
}

} // namespace

TEST_CASE("every kind of damage is refused, and nothing is stored") {
  for (const Damage& damage : damages) {
    CAPTURE(damage.name);
    StagedRing ring{8};
    ring.publish(20);
    REQUIRE(ring.recovery().take_over() == 20);
    damage.make(ring);
    const auto before = ring.contents();
    CHECK_FALSE(ring.recovery().take_over().has_value());
    CHECK(ring.contents() == before);
  }
}

TEST_CASE("after a reboot a take-over survives any damage, and goes on above every plausible sequence") {
  for (const Damage& damage : damages) {
    CAPTURE(damage.name);
    StagedRing ring{8};
    ring.publish(20);
    damage.make(ring);
    const std::uint64_t newest = newest_plausible(ring);
    CHECK(newest >= 19); // 20, or 19 where the damage hides message 20
    CHECK(newest < two_to_62 / 2);
    CHECK(ring.recovery().take_over_after_reboot() == newest + 8);
    CHECK(ring.recovery().take_over() == newest + 8); // the region is sound by then
  }
}

TEST_CASE("the newest plausible sequence is the largest of head and of what any plausible version proves") {
  StagedRing ring{8};
  CHECK(newest_plausible(ring) == 0);
  ring.publish(20);
  CHECK(newest_plausible(ring) == 20);
  ring.head() = 25;
  CHECK(newest_plausible(ring) == 25);
  ring.head() = 3;
  CHECK(newest_plausible(ring) == 20);
  ring.version(17) = 2 * 33; // its own slot
  CHECK(newest_plausible(ring) == 33);
  ring.version(17) = 2 * 41 - 1; // open for 41, so 40 was there
  CHECK(newest_plausible(ring) == 40);
  ring.version(17) = 2 * 34; // not its slot
  CHECK(newest_plausible(ring) == 20);
  ring.head() = ~std::uint64_t{0};
  CHECK(newest_plausible(ring) == 20);
}

TEST_CASE("after a reboot messages are discarded, the sequence goes on, and no old message is delivered") {
  StagedRing ring{4};
  ring.publish(10);
  ring.version(8) = 0; // this page did not reach the disk
  CHECK(ring.recovery().take_over_after_reboot() == 14);
  CHECK(ring.oldest() == 15);
  for (std::uint64_t sequence = 12; sequence <= 15; ++sequence) {
    CHECK(ring.version(sequence) == detail::open_version(sequence));
  }

  auto subscriber = ring.subscriber(ResumePosition::half, 14);
  CHECK(latest(subscriber).result.status == ReadStatus::nothing);
  CHECK(next(subscriber).result.status == ReadStatus::nothing);
  ring.publisher = {ring.words.data(), ring.geometry, 14};
  ring.publish_one();
  const Read read = next(subscriber);
  CHECK(read.whole());
  CHECK(read.result.sequence == 15);
  CHECK(read.result.lost == 0);
}

TEST_CASE("after a crash at any store of a take-over after a reboot the next one begins above it") {
  for (std::uint64_t published = 0; published <= 9; ++published) {
    StagedRing undisturbed{4};
    undisturbed.publish(published);
    const std::uint64_t head = undisturbed.recovery().take_over_after_reboot();
    for (std::int64_t stores = 0; stores <= 2 + 4; ++stores) {
      StagedRing ring{4};
      ring.publish(published);
      {
        StagedPolicy::Staging staging;
        staging.crash_after(stores);
        ring.recovery().take_over_after_reboot();
        CHECK(staging.stores_left() == 0);
      }
      // The boot id is not stored yet, so the successor does all of it again.
      const std::uint64_t again = ring.recovery().take_over_after_reboot();
      CHECK(again >= head);
      CHECK(ring.oldest() == again + 1);
      CHECK(ring.recovery().take_over() == again);
    }
  }
}

TEST_CASE("a crash at any store of a creation can be repeated from zeros") {
  StagedRing whole{4};
  for (std::int64_t stores = 0; stores <= 2; ++stores) {
    StagedRing ring{4};
    for (auto& word : ring.words) word.value = 0;
    {
      StagedPolicy::Staging staging;
      staging.crash_after(stores);
      ring.recovery().create();
    }
    CHECK((ring.contents() == whole.contents()) == (stores == 2));
    ring.recovery().create();
    CHECK(ring.contents() == whole.contents());
  }
}
