// SPDX-License-Identifier: BSL-1.0
//
// Gaps on the ring itself: a subscriber's call with the publisher skipping before every single operation of it,
// a death of the publisher after every single store, and regions that no publisher with gaps leaves. A script
// has a letter for each step: m a message, g a gap, j a jump of as many sequences as there are slots, J one more.
#include <doctest/doctest.h>
#include "support/staged_ring.hpp"

#include <set>
#include <string>

using namespace test;

namespace {

struct GapRing : StagedRing {
  explicit GapRing(std::uint64_t capacity) : StagedRing{capacity} {
    geometry.gaps = true;
    publisher = {words.data(), geometry, 0};
  }

  void skip(std::uint64_t count) {
    const std::uint64_t last = publisher.head() + count;
    if (count >= geometry.capacity) return publisher.jump(last);
    while (publisher.head() < last) publisher.publish_gap(0);
  }
  void run(const std::string& script) {
    for (const char step : script) {
      if (step == 'm') publish_one();
      if (step == 'm') messages.insert(publisher.head());
      if (step == 'g') skip(1);
      if (step == 'j') skip(geometry.capacity);
      if (step == 'J') skip(geometry.capacity + 1);
    }
  }
  /// The newest message that is still there; 0 if there is none.
  std::uint64_t newest_message() {
    const std::uint64_t first =
        publisher.head() + 2 > geometry.capacity ? publisher.head() + 2 - geometry.capacity : 1;
    if (messages.empty() || *messages.rbegin() < std::max(first, oldest())) return 0;
    return *messages.rbegin();
  }

  std::set<std::uint64_t> messages;
};

const std::array<std::string, 14> scripts{"",    "m",  "g",   "mg", "gm",   "mgm",   "ggg",
                                          "mmg", "jm", "mjg", "J",  "gJgm", "mmmmm", "mgmgmg"};

/// What one subscriber has had: each message whole, in order, with the exact number lost before it.
struct Account {
  explicit Account(GapRing& its_ring)
      : ring{its_ring}, subscriber{its_ring.subscriber(ResumePosition::oldest)} {}

  bool take_next() {
    const Read read = next(subscriber);
    right = right && read.result.status != ReadStatus::corrupt;
    if (!read.delivered()) return false;
    right = right && read.whole() && ring.messages.contains(read.result.sequence) &&
            read.result.sequence == previous + 1 + read.result.lost;
    previous = read.result.sequence;
    return true;
  }
  void take_latest() {
    const Read read = latest(subscriber);
    right = right && read.result.status != ReadStatus::corrupt;
    if (!read.delivered()) return;
    right = right && read.whole() && ring.messages.contains(read.result.sequence) &&
            read.result.sequence >= previous && read.result.lost == 0;
    previous = read.result.sequence;
  }
  /// As a subscriber that waits does. The publisher is idle.
  void drain() {
    while (right && subscriber.ready_after_gaps()) right = take_next() && right;
    right = right && !take_next() && subscriber.cursor() == ring.publisher.head() &&
            subscriber.newest() == subscriber.cursor();
  }

  GapRing& ring;
  RingSubscriber subscriber;
  std::uint64_t previous = 0;
  bool right = true;
};

} // namespace

TEST_CASE(
    "gaps before any one operation of next(), latest() or a wait are counted exactly, and waited for by "
    "nobody") {
  std::uint64_t tried = 0;
  for (const std::uint64_t capacity : {2U, 4U, 8U}) {
    for (const std::string& before : scripts) {
      for (const std::string& burst : scripts) {
        for (const char call : {'n', 'l', 'a'}) {
          std::uint64_t operations = 1;
          for (std::uint64_t at = 0; at < operations; ++at, ++tried) {
            GapRing ring{capacity};
            ring.run(before);
            Account account{ring};
            {
              StagedPolicy::Staging staging;
              staging.before(at, [&] { ring.run(burst); });
              if (call == 'n') account.take_next();
              if (call == 'l') account.take_latest();
              if (call == 'a') account.subscriber.ready_after_gaps();
              operations = staging.operations();
            }
            account.drain();
            CAPTURE(capacity);
            CAPTURE(before);
            CAPTURE(burst);
            CAPTURE(call);
            CAPTURE(at);
            CHECK(account.right);
          }
        }
      }
    }
  }
  MESSAGE(tried << " interleavings");
  CHECK(tried > 10'000);
}

TEST_CASE("latest() gives the newest message that is still there, whatever the gaps above it") {
  for (const std::uint64_t capacity : {2U, 4U, 8U}) {
    for (const std::string& first : scripts) {
      for (const std::string& second : scripts) {
        CAPTURE(capacity);
        CAPTURE(first);
        CAPTURE(second);
        GapRing ring{capacity};
        ring.run(first + second);
        auto subscriber = ring.subscriber();
        for (int i = 0; i < 3; ++i) {
          const Read read = latest(subscriber);
          CHECK(read.result.sequence * static_cast<unsigned>(read.delivered()) == ring.newest_message());
          if (!read.delivered()) CHECK(read.result.status == ReadStatus::nothing);
          if (i > 0) CHECK(subscriber.cursor() == ring.publisher.head()); // the gaps above it are passed over
        }
        const std::uint64_t had = ring.newest_message();
        ring.run("gm");
        is_message(next(subscriber), ring.publisher.head(), ring.publisher.head() - had - 1);
      }
    }
  }
}

TEST_CASE("a message under gaps that does not fit into the buffer is still unread") {
  GapRing ring{8};
  ring.run("mgg");
  auto subscriber = ring.subscriber();
  std::array<std::byte, message_size> bytes{};
  CHECK(subscriber.latest(detail::BufferDestination{bytes.data(), 1}).status == ReadStatus::buffer_too_small);
  CHECK(subscriber.cursor() == 0);
  is_message(next(subscriber), 1, 0);
}

TEST_CASE("a batch ends before a gap, and the next one counts it") {
  GapRing ring{8};
  ring.run("mmgmgg");
  auto subscriber = ring.subscriber();
  std::array<MessageWords, 8> messages{};
  const auto to = [&](std::size_t i) {
    return detail::ExactDestination<>{static_cast<std::byte*>(static_cast<void*>(&messages[i])), message_size};
  };
  ReadResult first;
  CHECK(subscriber.next_batch(messages.size(), to, first) == 2);
  CHECK(first.sequence == 1);
  CHECK(subscriber.next_batch(messages.size(), to, first) == 1);
  CHECK(first.sequence == 4);
  CHECK(first.lost == 1);
  CHECK(subscriber.next_batch(messages.size(), to, first) == 0);
  CHECK(subscriber.cursor() == 6);
}

TEST_CASE("views pass over gaps, and count them once they are valid") {
  GapRing ring{8};
  ring.run("gmggm");
  auto subscriber = ring.subscriber();
  constexpr detail::BufferDestination in_place{nullptr, message_size};
  ReadResult viewed = subscriber.view(in_place);
  CHECK(viewed.sequence == 2);
  CHECK(viewed.lost == 1);
  CHECK(subscriber.validate(viewed));
  viewed = subscriber.view(in_place);
  CHECK(viewed.lost == 2);
  CHECK(subscriber.cursor() == 4);
  CHECK(subscriber.validate(viewed));
  ring.run("gg");
  viewed = subscriber.latest_view(in_place);
  CHECK(viewed.sequence == 5);
  CHECK(subscriber.validate(viewed));
  ring.run("m");
  is_message(next(subscriber), 8, 2);
}

TEST_CASE(
    "one call passes over as many gaps as there are slots at most, while the publisher goes on skipping") {
  for (const std::uint64_t capacity : {4U, 8U, 16U}) {
    GapRing ring{capacity};
    auto subscriber = ring.subscriber();
    ring.skip(1);
    StagedPolicy::Staging staging;
    staging.before_each([&](std::uint64_t k) {
      if (k % 4 == 3) ring.skip(1); // another one for each that it passes over
    });
    CHECK(next(subscriber).result.status == ReadStatus::nothing);
    CHECK(subscriber.cursor() <= capacity);
    CHECK(staging.operations() < 20 * capacity);
  }
}

TEST_CASE(
    "after a death at any store of skip() a successor goes on, and no subscriber waits for what was left out") {
  std::uint64_t tried = 0;
  for (const std::uint64_t capacity : {2U, 4U, 8U}) {
    for (const std::string& before : scripts) {
      for (const std::string script : {"g", "gg", "j", "J"}) {
        for (std::int64_t stores = 0; stores <= static_cast<std::int64_t>(2 * capacity + 8);
             ++stores, ++tried) {
          CAPTURE(capacity);
          CAPTURE(before);
          CAPTURE(script);
          CAPTURE(stores);
          GapRing ring{capacity};
          ring.run(before);
          Account all{ring};
          Account none{ring};
          all.drain();
          const std::uint64_t head = ring.publisher.head();
          {
            StagedPolicy::Staging staging;
            staging.crash_after(stores);
            ring.run(script);
          }
          const std::uint64_t most = ring.publisher.head();
          all.take_next(); // between death and take-over
          const auto found = ring.recovery().take_over();
          REQUIRE(found.has_value());
          CHECK(*found >= head);
          CHECK(*found <= most);
          if (script == "j" || script == "J") CHECK((*found == head || *found == most));
          ring.publisher = {ring.words.data(), ring.geometry, *found};
          const auto contents = ring.contents();
          CHECK(ring.recovery().take_over() == found); // once more changes nothing
          CHECK(ring.contents() == contents);
          all.drain();
          none.drain();
          ring.run("mgm");
          all.drain();
          none.drain();
          CHECK(all.right);
          CHECK(none.right);
        }
      }
    }
  }
  CHECK(tried > 2000);
}

TEST_CASE("a successor may die at any store of finishing a jump") {
  for (const std::uint64_t capacity : {2U, 4U}) {
    for (std::int64_t first = 0; first <= static_cast<std::int64_t>(capacity) + 3; ++first) {
      for (std::int64_t second = 0; second <= static_cast<std::int64_t>(capacity) + 3; ++second) {
        CAPTURE(capacity);
        CAPTURE(first);
        CAPTURE(second);
        GapRing ring{capacity};
        ring.run("mgm");
        Account account{ring};
        {
          StagedPolicy::Staging staging;
          staging.crash_after(first);
          ring.run("J");
        }
        {
          StagedPolicy::Staging staging;
          staging.crash_after(second);
          ring.recovery().take_over();
        }
        const auto found = ring.recovery().take_over();
        REQUIRE(found.has_value());
        ring.publisher = {ring.words.data(), ring.geometry, *found};
        ring.run("m");
        account.drain();
        CHECK(account.right);
        CHECK(account.previous == ring.publisher.head());
      }
    }
  }
}

TEST_CASE("a jump stores the oldest sequence before head, and head before it opens a slot") {
  GapRing ring{4};
  ring.run("mmmmm");
  int acted = 0;
  StagedPolicy::Staging staging;
  staging.before_each([&](std::uint64_t k) {
    if (k > 2) return;
    ++acted;
    CHECK(ring.oldest() == (k >= 1 ? 10 : 1));
    CHECK(ring.head() == (k >= 2 ? 9 : 5));
    CHECK(ring.version(7) == detail::complete_version(3)); // the first that is opened
    CHECK(ring.version(6) == detail::open_version(6));
  });
  ring.skip(4);
  CHECK(acted == 3);
}

TEST_CASE("what no publisher with gaps leaves is damaged for a successor, and left as it is") {
  GapRing ring{4};
  ring.run("mmmmm");
  SUBCASE("a jump of fewer sequences than there are slots") {
    ring.oldest() = 5 + 4; // to message 8
  }
  SUBCASE("a jump beyond what skip() accepts") {
    ring.oldest() = detail::largest_skip_head + 2;
  }
  SUBCASE("the largest number") {
    ring.oldest() = ~std::uint64_t{0};
  }
  SUBCASE("a jump in a region without gaps") {
    ring.oldest() = 5 + 4 + 1;
    ring.geometry.gaps = false;
  }
  SUBCASE("a jump of which a slot was opened before head") {
    ring.oldest() = 5 + 8 + 1;
    ring.version(7) = detail::open_version(7 + 4);
  }
  SUBCASE("a jump, and a message after it that is complete before all slots are open") {
    ring.oldest() = 5 + 4 + 1;
    ring.head() = 9;
    ring.version(8) = detail::complete_version(8);
  }
  SUBCASE("a jump, and a version of another slot") {
    ring.oldest() = 5 + 4 + 1;
    ring.version(3) = detail::complete_version(4);
  }
  const auto contents = ring.contents();
  CHECK_FALSE(ring.recovery().take_over().has_value());
  CHECK(ring.contents() == contents);
}

TEST_CASE("a mark that is no gap's is a wrong size, and so is a gap's in a channel without gaps") {
  GapRing ring{8};
  ring.run("mmm");
  SUBCASE("in a channel without gaps") {
    ring.geometry.gaps = false;
    ring.slot_word(2, detail::size_word) = detail::pack_size(0, detail::gap_mark);
  }
  SUBCASE("beside the size of a message") {
    ring.slot_word(2, detail::size_word) = detail::pack_size(message_size, detail::gap_mark);
  }
  SUBCASE("another one") {
    ring.slot_word(2, detail::size_word) = detail::pack_size(message_size, 2);
  }
  SUBCASE("another one beside it") {
    ring.slot_word(2, detail::size_word) = detail::pack_size(0, detail::gap_mark | 1U << 31);
  }
  auto subscriber = ring.subscriber();
  is_message(next(subscriber), 1, 0);
  CHECK(subscriber.ready_after_gaps());
  const Read read = next(subscriber);
  CHECK(read.result.status == ReadStatus::wrong_size);
  CHECK(read.words == MessageWords{});
  is_message(next(subscriber), 3, 1);
  std::array<std::byte, 64> bytes{};
  auto other = ring.subscriber(ResumePosition::half, 1);
  CHECK(other.next(detail::BufferDestination{bytes.data(), bytes.size()}).status == ReadStatus::wrong_size);
}

TEST_CASE("whatever one word of a region with gaps contains, calls end soon and the cursor does not go back") {
  constexpr std::uint64_t most = ~std::uint64_t{0};
  const std::array<std::uint64_t, 12> values{
      0,   1, 2, 7, 8, 9, 20, 41, detail::pack_size(0, detail::gap_mark), most >> 1, detail::largest_skip_head,
      most};
  GapRing ring{4};
  ring.run("mmgmgmg");
  for (std::size_t word = 0; word < ring.words.size(); ++word) {
    for (const std::uint64_t value : values) {
      const std::uint64_t honest = std::exchange(ring.words[word].value, value);
      for (std::uint64_t cursor = 0; cursor <= 8; ++cursor) {
        auto subscriber = ring.subscriber(ResumePosition::half, cursor);
        StagedPolicy::Staging staging;
        subscriber.ready_after_gaps();
        CHECK(subscriber.cursor() >= cursor);
        std::uint64_t reached = subscriber.cursor();
        next(subscriber);
        CHECK(subscriber.cursor() >= reached);
        reached = subscriber.cursor();
        latest(subscriber);
        CHECK(subscriber.cursor() >= reached);
        CHECK(staging.operations() <= 300);
      }
      ring.words[word].value = honest;
    }
  }
}

TEST_CASE("after a restart of the machine the sequence goes on above a jump that was only begun") {
  GapRing ring{4};
  ring.run("mmm");
  {
    StagedPolicy::Staging staging;
    staging.crash_after(1);
    ring.run("J");
  }
  CHECK(ring.head() == 3);
  CHECK(ring.recovery().take_over_after_reboot() == 3 + 5 + 4);
}
