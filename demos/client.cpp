// SPDX-License-Identifier: BSL-1.0
//
// client: prints every message with its number and its age, and says how many it lost where it was too slow. It
// may start before the server or long after it, outlives it, and goes on when it comes back.
//
//     client                                   what is published from now on
//     client --oldest --count 10               what is still there first; ends after ten
#include "command_line.hpp"
#include "stop.hpp"
#include "tally.hpp"

#include <seqcast/seqcast.hpp>

using seqcast::Wait;
using std::chrono::steady_clock;

/// Waits for a channel to appear if there is none yet; gives nothing if there still is none at the end.
static std::optional<seqcast::ByteSubscriber> open(const seqcast::Location& where, bool oldest,
                                                   steady_clock::time_point deadline, const StopOnSignal& stop,
                                                   Tally& tally) {
  seqcast::SubscriberOptions options{.follow = true};
  if (oldest) options.start = seqcast::Start::oldest;
  std::error_code error;
  auto news = seqcast::ByteSubscriber::open(where, options, error);
  if (error == seqcast::Errc::no_channel) {
    say("nothing at " + to_string(where) + " yet; waiting for a server");
    options.start = seqcast::Start::oldest;
    options.open_timeout = std::chrono::milliseconds{100};
    tally.from_the_first = true;
  }
  while (error == seqcast::Errc::no_channel && !stop.requested() && steady_clock::now() < deadline) {
    news = seqcast::ByteSubscriber::open(where, options, error);
  }
  if (error && error != seqcast::Errc::no_channel) news.emplace(where, options); // throws, and says why
  return news;
}

int main(int argc, char** argv) try {
  const StopOnSignal stop;
  print_line_by_line();

  bool oldest = false;
  std::optional<std::uint64_t> count;
  double timeout = 1e6;
  CommandLine app{"Prints the messages of a channel: number, age, text."};
  app.add_flag("--oldest", oldest, "Begin with the oldest message that is still there");
  app.add_option("--count", count, "End after this many messages, received or lost");
  app.add_option("--timeout", timeout, "End when nothing has come for so many seconds")
      ->check(CLI::Range(0.0, 1e6));
  app.parse_or_exit(argc, argv);
  const auto where = app.where();
  const auto patience = std::chrono::ceil<std::chrono::nanoseconds>(std::chrono::duration<double>{timeout});
  auto deadline = steady_clock::now() + patience;
  Tally tally;
  auto news = open(where, oldest, deadline, stop, tally);
  while (news && !stop.requested() && tally.total() < count.value_or(UINT64_MAX)) {
    if (const auto message = news->next()) {
      tally.add(*message);
      deadline = steady_clock::now() + patience;
      continue;
    }
    if (news->error() == seqcast::Errc::corrupt) throw std::system_error{news->error(), to_string(where)};
    const auto reason = news->wait_until(deadline, stop.token());
    if (reason == Wait::timeout) break;
    if (reason == Wait::closed) say("the server has ended; waiting for the next one");
    if (reason == Wait::no_publisher) say("the server has died; waiting for the next one");
    if (reason == Wait::superseded) say("another channel has taken its place; going on there");
    if (reason == Wait::superseded) tally.from_the_first = true;
  }
  tally.sum_up();
  const bool enough = stop.requested() || tally.total() >= count.value_or(1);
  return enough ? 0 : 3;
} catch (const std::exception& error) {
  fmt::print(stderr, "client: {}\n", error.what());
  return 1;
}
