// SPDX-License-Identifier: BSL-1.0
//
// client: prints every message with its number and its age, and how many were lost where the client was too
// slow. It may start before the server or long after it. When the server ends or dies, the client waits for the
// next one.
//
//     client                                   what is published from now on
//     client --oldest --count 10               first what is still there; ends after ten
#include "command_line.hpp"
#include "stop.hpp"

#include <fmt/core.h>
#include <seqcast/seqcast.hpp>

#include <utility>

using seqcast::WaitResult;

/// Prints what arrives, and counts it.
class Report {
 public:
  /// The channel has just appeared: what is missing before its first message counts as lost.
  void begin_with_first() {
    from_first_ = true;
  }
  void add(const seqcast::ReceivedBytes& message) {
    const auto lost = std::exchange(from_first_, false) ? message.sequence - 1 : message.lost;
    if (lost > 0) note(fmt::format("{} lost, up to {}", lost, message.sequence - 1));
    const std::chrono::duration<double, std::micro> age = message.age().value_or(std::chrono::nanoseconds{0});
    fmt::print("{:>9} {:>9.1f} us  {}\n", message.sequence, age.count(), message.text());
    ++received_;
    lost_ += lost;
  }
  static void note(std::string_view text) {
    fmt::print("{:>9}  {}\n", "--", text);
  }
  std::uint64_t total() const {
    return received_ + lost_;
  }
  void print_totals() const {
    note(fmt::format("{} messages: {} received, {} lost", total(), received_, lost_));
  }

 private:
  std::uint64_t received_ = 0;
  std::uint64_t lost_ = 0;
  bool from_first_ = false;
};

/// Waits until there is a channel; nothing if there is none within that time.
static std::optional<seqcast::ByteSubscriber> open(const seqcast::Location& location,
                                                   seqcast::StartPosition start,
                                                   std::chrono::nanoseconds timeout,
                                                   const std::stop_token& stop, Report& report) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  seqcast::SubscriberOptions options{.start = start, .follow = true};
  seqcast::Error error;
  auto subscriber = seqcast::ByteSubscriber::open(location, options, error);
  if (error == seqcast::Errc::no_channel) {
    report.note("nothing at " + to_string(location) + " yet; waiting for a server");
    report.begin_with_first();
    options.start = seqcast::StartPosition::oldest;
    options.open_timeout = std::chrono::milliseconds{100};
  }
  while (error == seqcast::Errc::no_channel && !stop.stop_requested() &&
         std::chrono::steady_clock::now() < deadline) {
    subscriber = seqcast::ByteSubscriber::open(location, options, error);
  }
  if (error && error != seqcast::Errc::no_channel) throw std::runtime_error{error.message()};
  return subscriber;
}

/// After a wait without a message: prints why, and gives whether it is worth while to wait again.
static bool goes_on(const seqcast::ByteSubscriber& subscriber, Report& report) {
  switch (subscriber.wait_result()) {
    case WaitResult::message: // a message that cannot be read
      if (subscriber.error() != seqcast::Errc::corrupt) return true;
      throw std::system_error{subscriber.error(), to_string(subscriber.location())};
    case WaitResult::closed:
      report.note("the server has ended; waiting for the next one");
      return true;
    case WaitResult::no_publisher:
      report.note("the server has died; waiting for the next one");
      return true;
    case WaitResult::superseded:
      report.note("another channel has taken its place; going on there");
      report.begin_with_first();
      return true;
    case WaitResult::timeout:
    case WaitResult::stopped:
      break;
  }
  return false;
}

int main(int argc, char** argv) try {
  const demo::StopOnSignal stop;
  demo::flush_each_line();

  bool oldest = false;
  std::optional<std::uint64_t> count;
  double seconds = 1e6;
  demo::CommandLine app{"Prints the messages of a channel: number, age, text."};
  app.add_flag("--oldest", oldest, "Begin with the oldest message that is still there");
  app.add_option("--count", count, "End after this many messages, received or lost");
  app.add_option("--timeout", seconds, "End when nothing has come for so many seconds")
      ->check(CLI::Range(0.0, 1e6));
  app.parse_or_exit(argc, argv);
  const auto start = oldest ? seqcast::StartPosition::oldest : seqcast::StartPosition::newest;
  const auto timeout = std::chrono::ceil<std::chrono::nanoseconds>(std::chrono::duration<double>{seconds});

  Report report;
  auto subscriber = open(app.location(), start, timeout, stop.token(), report);
  while (subscriber && !stop.requested() && report.total() < count.value_or(UINT64_MAX)) {
    if (const auto message = subscriber->next_for(timeout, stop.token())) {
      report.add(*message);
    } else if (!goes_on(*subscriber, report)) {
      break;
    }
  }
  report.print_totals();
  return stop.requested() || report.total() >= count.value_or(1) ? 0 : 3;
} catch (const std::exception& error) {
  fmt::print(stderr, "client: {}\n", error.what());
  return 1;
}
