// SPDX-License-Identifier: BSL-1.0
//
// Publisher<T> as its user sees it: what may be a message, sequences across publishers, one publisher at a
// time, and moved-from publishers.
#include <doctest/doctest.h>
#include "support/refusal.hpp"
#include "support/temporary.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace seqcast;
using test::publisher_refusal;
using test::TemporaryFolder;

namespace {

struct Quote {
  double bid;
  double ask;
  friend bool operator==(const Quote&, const Quote&) = default;
};
enum class Side : std::uint8_t { bid, ask };
union Either {
  int number;
  float fraction;
};
struct Incomplete;
struct WithReference {
  int& reference;
};
struct WithVirtual {
  virtual ~WithVirtual() = default;
};
struct WithMember {
  std::string text;
};
struct Undefaulted {
  explicit Undefaulted(int n) : number{n} {}
  int number;
};

static_assert(Message<Quote> && Message<int> && Message<double> && Message<bool> && Message<Side> &&
              Message<Either>);
static_assert(Message<std::array<char, 1024>> && Message<std::byte> && Message<Undefaulted>);
static_assert(Message<std::pair<std::array<int, 2>, char>> ==
              std::is_trivially_copyable_v<std::pair<int, char>>);
static_assert(!Message<std::string> && !Message<std::vector<int>> && !Message<WithVirtual> &&
              !Message<WithMember>);
static_assert(!Message<std::unique_ptr<int>> && !Message<std::shared_ptr<int>>);
static_assert(!Message<int*> && !Message<const char*> && !Message<void (*)()> && !Message<std::nullptr_t>);
static_assert(!Message<int Quote::*> && !Message<double (Quote::*)()>);
static_assert(!Message<std::string_view> && !Message<std::wstring_view> && !Message<std::span<int>> &&
              !Message<std::span<int, 3>> && !Message<std::reference_wrapper<int>>);
static_assert(!Message<void> && !Message<int&> && !Message<int[3]> && !Message<int()>);
static_assert(!Message<const int> && !Message<volatile int> && !Message<const volatile Quote>);

template <class T>
constexpr bool moves_only = std::is_nothrow_move_constructible_v<T>&& std::is_nothrow_move_assignable_v<T> &&
                            !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;
static_assert(moves_only<Publisher<Quote>> && moves_only<BytePublisher>);
static_assert(moves_only<Subscriber<Quote>> && moves_only<ByteSubscriber>);
static_assert(noexcept(std::declval<Publisher<Quote>&>().publish(std::declval<const Quote&>())));

} // namespace

TEST_CASE("a new channel begins with sequence 1 and epoch 1") {
  const TemporaryFolder folder;
  Publisher<Quote> quotes{folder.channel()};
  CHECK(quotes.head() == 0);
  CHECK(quotes.epoch().number == 1);
  CHECK(quotes.epoch().first_sequence == 1);
  CHECK(quotes.location() == folder.channel());
  CHECK(quotes.max_message_size() == sizeof(Quote));
  CHECK_FALSE(quotes.timestamps());
  CHECK(quotes.publish({.bid = 99.5, .ask = 100.5}) == 1);
  CHECK(quotes.publish({.bid = 99.0, .ask = 100.0}) == 2);
  CHECK(quotes.head() == 2);
}

TEST_CASE("sequences go on over three publishers, and each has its epoch") {
  const TemporaryFolder folder;
  for (std::uint64_t round = 1; round <= 3; ++round) {
    Publisher<Quote> quotes{folder.channel()};
    CHECK(quotes.epoch().number == round);
    CHECK(quotes.epoch().first_sequence == (round - 1) * 5 + 1);
    const Subscriber<Quote> subscriber{folder.channel()};
    REQUIRE(subscriber.epoch());
    CHECK(subscriber.epoch()->number == round);
    CHECK(subscriber.epoch()->first_sequence == quotes.epoch().first_sequence);
    for (std::uint64_t i = 1; i <= 5; ++i) CHECK(quotes.publish({1, 2}) == (round - 1) * 5 + i);
  }
}

TEST_CASE("a second publisher is refused in the same process, and the error names the first one's process") {
  const TemporaryFolder folder;
  const auto first = std::make_unique<Publisher<Quote>>(folder.channel());
  for (int i = 0; i < 2; ++i) {
    const auto refusal = publisher_refusal<Publisher<Quote>>(folder.channel());
    CHECK(refusal.code == Errc::publisher_alive);
    CHECK(refusal.says(
        {to_string(folder.channel()).c_str(), "a live publisher", std::to_string(test::process_id()).c_str()}));
  }
}

TEST_CASE("a second publisher can open the channel after the first one's end") {
  const TemporaryFolder folder;
  auto first = std::make_unique<Publisher<Quote>>(folder.channel());
  first->publish({1, 2});
  first.reset();
  Publisher<Quote> second{folder.channel()};
  CHECK(second.publish({3, 4}) == 2);
}

TEST_CASE("a channel of another name is another channel, and a file is no shared memory") {
  const TemporaryFolder folder;
  const test::TemporaryObject name;
  Publisher<Quote> one{folder.channel("one")};
  Publisher<Quote> two{folder.channel("two")};
  Publisher<Quote> three{name.channel()};
  one.publish({1, 1});
  one.publish({1, 1});
  CHECK(two.publish({2, 2}) == 1);
  CHECK(three.publish({3, 3}) == 1);
  CHECK(Subscriber<Quote>{name.channel()}.latest()->message == Quote{3, 3});
  CHECK(Subscriber<Quote>{folder.channel("two")}.latest()->message == Quote{2, 2});
}

TEST_CASE("a relative path keeps its meaning when the working folder changes") {
  const TemporaryFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  {
    Publisher<Quote> publisher{file("relative"), {.remove_on_close = true}};
    const Subscriber<Quote> subscriber{file("relative")};
    std::filesystem::current_path(before);
    CHECK(subscriber.state() == ChannelState::live);
    CHECK(std::filesystem::exists(folder / "relative"));
  }
  CHECK_FALSE(std::filesystem::exists(folder / "relative"));
}

TEST_CASE("a publisher that is moved goes on publishing, and the one moved from may be destroyed or assigned") {
  const TemporaryFolder folder;
  std::optional<Publisher<Quote>> first{std::in_place, folder.channel()};
  first->publish({1, 1});
  Publisher<Quote> second{std::move(*first)};
  CHECK(second.publish({2, 2}) == 2);
  first.reset(); // does not close the channel
  const Subscriber<Quote> subscriber{folder.channel()};
  CHECK(subscriber.state() == ChannelState::live);
  CHECK(second.publish({3, 3}) == 3);

  Publisher<Quote> other{folder.channel("other")};
  const Subscriber<Quote> other_subscriber{folder.channel("other")};
  other = std::move(second); // closes what it had
  CHECK(other_subscriber.state() == ChannelState::closed);
  CHECK(subscriber.state() == ChannelState::live);
  CHECK(other.publish({4, 4}) == 4);
  second = std::move(other);
  CHECK(second.publish({5, 5}) == 5);
}

TEST_CASE("open() gives a publisher, or nothing and the reason, and clears an old error") {
  const TemporaryFolder folder;
  seqcast::Error error{Errc::corrupt, "an older error"};
  auto publisher = Publisher<Quote>::open(folder.channel(), {.capacity = 16}, error);
  REQUIRE(publisher);
  CHECK_FALSE(error);
  CHECK(publisher->capacity() == 16);
  CHECK(publisher->publish({1, 2}) == 1);
  CHECK_FALSE(Publisher<Quote>::open(folder.channel(), {}, error));
  CHECK(error == Errc::publisher_alive);
}

TEST_CASE("without a bell there is no file beside the channel") {
  const TemporaryFolder folder;
  const Publisher<Quote> publisher{folder.channel(), {.wakeup = seqcast::Wakeup::polling}};
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder.path()}) files += entry.exists() ? 1 : 0;
  CHECK(files == 1);
}
