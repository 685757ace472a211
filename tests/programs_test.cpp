// SPDX-License-Identifier: BSL-1.0
//
// Publisher and subscribers in programs of their own, which share nothing but the channel: stress, sleep and
// wake-up, one publisher at a time, and publishers that are killed. The tests of forked children are more
// demanding on Linux; these are for every system.
//
// Every message contains its publisher's epoch. A program reports to the test through a channel of its own.
#include "support/checked_payload.hpp"
#include "support/intercepted_calls.hpp"
#include "support/program.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <random>

using namespace test;
using seqcast::ChannelState;
using seqcast::Errc;

namespace {

constexpr std::uint32_t max_size = 1025;
constexpr std::uint64_t floor_of_distinct = 50;

/// A channel as arguments of a program, and back.
Arguments words_of(const seqcast::Location& location) {
  return {location.kind() == seqcast::Location::Kind::file ? "file" : "shared_memory", location.name()};
}
seqcast::Location location_in(const Arguments& arguments, std::size_t at) {
  const std::string& name = arguments.at(at + 1);
  return arguments.at(at) == "file" ? seqcast::file(name) : seqcast::shared_memory(name);
}
Arguments operator+(Arguments left, const Arguments& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

std::size_t size_of(std::uint64_t sequence) {
  return 16 + sequence * 7919 % (max_size - 15);
}

void publish_checked(seqcast::BytePublisher& publisher, std::vector<std::byte>& scratch) {
  const std::uint64_t sequence = publisher.head() + 1;
  const std::uint64_t epoch = publisher.epoch().number;
  scratch.resize(size_of(sequence));
  std::memcpy(scratch.data(), &epoch, 8);
  fill_payload(std::span{scratch}.subspan(8), sequence, epoch);
  publisher.publish(scratch);
}

struct Report {
  std::uint64_t received;
  std::uint64_t lost;
  std::uint64_t wrong; // torn, out of order, of an epoch before
  std::uint64_t last;
  std::uint64_t epoch;

  void add(const seqcast::ReceivedBytes& message) {
    std::uint64_t its_epoch = 0;
    if (message.message.size() >= 8) std::memcpy(&its_epoch, message.message.data(), 8);
    const bool whole = message.message.size() == size_of(message.sequence) &&
                       is_whole(message.message.subspan(8), message.sequence, its_epoch);
    if (!whole || message.sequence != last + 1 + message.lost || its_epoch < epoch) ++wrong;
    epoch = its_epoch;
    last = message.sequence;
    lost += message.lost;
    ++received;
  }
};

seqcast::PublisherOptions options_of(std::uint64_t capacity) {
  return {.capacity = capacity, .max_message_size = max_size};
}

/// Reads until the publisher has closed the channel; reports when it is there, when it has seen enough, and at
/// the end.
const Role reader{"reader", [](const Arguments& arguments) {
                    seqcast::ByteSubscriber subscriber{location_in(arguments, 0)};
                    seqcast::Publisher<Report> reports{location_in(arguments, 2)};
                    Report report{};
                    reports.publish(report);
                    for (bool closed = false; !closed;) {
                      const auto before = subscriber.state();
                      while (const auto message = subscriber.next()) {
                        report.add(*message);
                        if (report.received == floor_of_distinct) reports.publish(report);
                      }
                      if (subscriber.error() == Errc::overrun) continue;
                      if (subscriber.error()) throw std::system_error{subscriber.error()};
                      closed = before == ChannelState::closed;
                      if (!closed && report.received % 2 == 0) subscriber.wait_for(10ms); // sometimes asleep
                    }
                    reports.publish(report);
                    return 0;
                  }};

/// Publishes until it is killed, never more than half a ring ahead of what the test has acknowledged.
const Role killed_publisher{"killed_publisher", [](const Arguments& arguments) {
                              constexpr std::uint64_t capacity = 64;
                              seqcast::Subscriber<Number> acknowledged{
                                  location_in(arguments, 2), {.start = seqcast::StartPosition::oldest}};
                              seqcast::BytePublisher publisher{location_in(arguments, 0), options_of(capacity)};
                              std::vector<std::byte> scratch;
                              for (Number delivered = 0;; delivered = acknowledged.latest()->message) {
                                while (publisher.head() < delivered + capacity / 2)
                                  publish_checked(publisher, scratch);
                                std::this_thread::yield();
                              }
                              return 0;
                            }};

/// Answers each number with itself, asleep in between, until the other side closes.
const Role echo{
    "echo", [](const Arguments& arguments) {
      const LongSleeps sleeps;
      seqcast::Subscriber<Number> calls{location_in(arguments, 0), {.strategy = seqcast::WaitStrategy::sleep}};
      seqcast::Publisher<Number> answers{location_in(arguments, 2)};
      while (calls.wait_for(watchdog_timeout) == WaitResult::message) {
        while (const auto call = calls.next()) answers.publish(call->message);
      }
      return calls.state() == ChannelState::closed && sleeps.lost() == 0 ? 0 : 1;
    }};

/// Opens the channel as a publisher; the result is the status.
const Role second_publisher{"second_publisher", [](const Arguments& arguments) {
                              seqcast::Error error;
                              const auto publisher =
                                  seqcast::BytePublisher::open(location_in(arguments, 0), options_of(8), error);
                              return publisher ? 10 : error == Errc::publisher_alive ? 11 : 12;
                            }};

template <class T>
seqcast::Subscriber<T> subscribe(const seqcast::Location& location) {
  return seqcast::Subscriber<T>{location,
                                {.start = seqcast::StartPosition::oldest, .open_timeout = watchdog_timeout}};
}

template <class T>
T expect_next(seqcast::Subscriber<T>& subscriber) {
  const Watchdog watchdog{"another program's word"};
  for (;;) {
    if (const auto found = subscriber.next()) return found->message;
    subscriber.wait_for(100ms);
    watchdog.check();
  }
}

void stress(const seqcast::Location& place, const TemporaryFolder& folder, std::uint64_t capacity,
            std::size_t readers) {
  CAPTURE(std::string{to_string(place)});
  CAPTURE(capacity);
  std::optional<seqcast::BytePublisher> publisher{std::in_place, place, options_of(capacity)};
  std::vector<Program> programs;
  std::vector<seqcast::Subscriber<Report>> reports;
  for (std::size_t i = 0; i < readers; ++i) {
    const auto its_reports = folder.channel("reports " + std::to_string(i));
    programs.emplace_back("reader", words_of(place) + words_of(its_reports));
    reports.push_back(subscribe<Report>(its_reports));
    expect_next(reports.back()); // it is there
  }
  const Watchdog watchdog{"readers to see their floor of distinct messages"};
  const auto floor_reached = [&] {
    return std::ranges::all_of(reports, [](auto& report) { return report.lag() > 0; });
  };
  std::vector<std::byte> scratch;
  for (std::uint64_t round = 0; publisher->head() < 5000 || !floor_reached(); ++round) {
    watchdog.check();
    for (std::uint64_t i = 0; i <= round % 4 * capacity; ++i) publish_checked(*publisher, scratch);
    if (round % 2 == 0) std::this_thread::sleep_for(20us); // the pace
  }
  const std::uint64_t published = publisher->head();
  publisher.reset();
  std::uint64_t lost = 0;
  for (std::size_t i = 0; i < readers; ++i) {
    CHECK(programs[i].wait() == 0);
    Report report = expect_next(reports[i]);
    if (report.received == floor_of_distinct && report.last < published) report = expect_next(reports[i]);
    CHECK(report.wrong == 0);
    CHECK(report.last == published);
    CHECK(report.received + report.lost == published);
    CHECK(report.received >= floor_of_distinct);
    lost += report.lost;
  }
  std::printf("%llu messages to %zu programs, %llu lost\n", static_cast<unsigned long long>(published), readers,
              static_cast<unsigned long long>(lost));
}

} // namespace

TEST_CASE("programs: nothing is torn, and received + lost is exactly what was published") {
  for (const std::uint64_t capacity : {2U, 8U, 64U}) {
    const TemporaryFolder folder, other;
    const TemporaryObject object;
    stress(folder.channel(), folder, capacity, 3);
    stress(object.channel(), other, capacity, 1);
  }
}

TEST_CASE("sleeping programs are woken by every message") {
  for (const bool in_file : {true, false}) {
    for (const seqcast::Wakeup wakeup : {seqcast::Wakeup::bell, seqcast::Wakeup::every_message}) {
      CAPTURE(in_file);
      CAPTURE(std::string{to_string(wakeup)});
      const TemporaryFolder folder;
      const TemporaryObject object, other;
      const auto there = in_file ? folder.channel("calls") : object.channel();
      const auto back = in_file ? folder.channel("answers") : other.channel();
      std::optional<seqcast::Publisher<Number>> calls{std::in_place, there,
                                                      seqcast::PublisherOptions{.wakeup = wakeup}};
      Program program{"echo", words_of(there) + words_of(back)};
      seqcast::Subscriber<Number> answers{
          back, {.strategy = seqcast::WaitStrategy::sleep, .open_timeout = watchdog_timeout}};
      const LongSleeps sleeps;
      for (Number last = 1; last <= 200; ++last) {
        calls->publish(last);
        REQUIRE(answers.wait_for(watchdog_timeout) == WaitResult::message);
        REQUIRE(answers.next()->message == last);
        REQUIRE(sleeps.lost() == 0);
      }
      CHECK(answers.wakeup() == seqcast::Wakeup::bell);
      calls.reset();
      CHECK(program.wait() == 0);
    }
  }
}

TEST_CASE("there is one publisher among all programs, and after a killed one the next can open the channel") {
  for (const bool in_file : {true, false}) {
    CAPTURE(in_file);
    const TemporaryFolder folder;
    const TemporaryObject object;
    const auto place = in_file ? folder.channel() : object.channel();
    seqcast::Publisher<Number> acknowledged{folder.channel("acknowledged")};
    acknowledged.publish(0);
    Program program{"killed_publisher", words_of(place) + words_of(folder.channel("acknowledged"))};
    seqcast::ByteSubscriber subscriber{place, {.open_timeout = watchdog_timeout}};
    CHECK(subscriber.publisher_alive());
    CHECK(Program{"second_publisher", words_of(place)}.wait() == 11);
    seqcast::Error error;
    CHECK_FALSE(seqcast::BytePublisher::open(place, options_of(64), error));
    CHECK(error == Errc::publisher_alive);
    CHECK_FALSE(seqcast::remove_channel(place, error));
    CHECK(error == Errc::publisher_alive);
    CHECK(subscriber.publisher_alive()); // the question has not disturbed the publisher
    program.kill();
    WaitResult reason = WaitResult::message;
    while ((reason = subscriber.wait_for(watchdog_timeout)) == WaitResult::message) {
      while (subscriber.next()) continue;
    }
    CHECK(reason == WaitResult::no_publisher);
    CHECK(subscriber.state() == ChannelState::no_publisher);
    CHECK_FALSE(subscriber.publisher_alive());
    const seqcast::BytePublisher successor{place, options_of(64)};
    CHECK(successor.epoch().number == 2);
    CHECK(successor.head() == subscriber.cursor());
    CHECK(subscriber.state() == ChannelState::live);
    CHECK(Program{"second_publisher", words_of(place)}.wait() == 11);
  }
}

TEST_CASE("no complete message is lost or torn when one program after the other is killed") {
  for (const bool in_file : {true, false}) {
    CAPTURE(in_file);
    const TemporaryFolder folder;
    const TemporaryObject object;
    const auto place = in_file ? folder.channel() : object.channel();
    seqcast::Publisher<Number> acknowledged{folder.channel("acknowledged")};
    acknowledged.publish(0);
    std::optional<seqcast::BytePublisher> first{std::in_place, place, options_of(64)};
    seqcast::ByteSubscriber subscriber{place, {.start = seqcast::StartPosition::oldest}};
    first.reset();
    const std::uint64_t epoch_before = subscriber.epoch().value().number;
    Report report{};
    std::mt19937 random{20240229};
    constexpr int kills = 40;
    for (int kill = 0; kill < kills; ++kill) {
      Program program{"killed_publisher", words_of(place) + words_of(folder.channel("acknowledged"))};
      const std::uint64_t enough = report.last + 1 + random() % 200;
      const Watchdog watchdog{"a publisher to publish"};
      while (report.last < enough) {
        watchdog.check();
        if (const auto message = subscriber.next()) {
          report.add(*message);
          acknowledged.publish(report.last);
        } else {
          std::this_thread::yield();
        }
      }
      program.kill();
      while (const auto message = subscriber.next()) report.add(*message);
      acknowledged.publish(report.last);
    }
    const seqcast::BytePublisher last{place, options_of(64)};
    CHECK(last.head() == report.last);
    CHECK(last.epoch().number == epoch_before + kills + 1);
    CHECK(report.wrong == 0);
    CHECK(report.lost == 0);
    CHECK(report.received == last.head());
    MESSAGE(kills, " kills, ", report.received, " messages");
  }
}
