// SPDX-License-Identifier: BSL-1.0
//
// sub: prints the messages of a channel as they come, and says on stderr what was lost.
#include "channel.hpp"
#include "messages.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <CLI/App.hpp>
#include <seqcast/seqcast.hpp>

namespace cli {

namespace {

using seqcast::State;
using seqcast::Wait;
using std::chrono::steady_clock;

constexpr double longest_timeout = 1e9; // seconds

struct Settings {
  ChannelName channel;
  std::optional<std::uint64_t> count;
  std::optional<double> timeout;
  std::string from = "newest";
  bool latest = false;
  bool json = false;
  bool raw = false;
  bool hex = false;
  bool follow = false;
  bool strict = false;

  Format format() const {
    return json ? Format::json : raw ? Format::raw : hex ? Format::hex : Format::text;
  }
};

/// What was lost, on stderr: the first time at once, then once a second at most, however often it happens.
class Losses {
 public:
  explicit Losses(Console& console) : console_{console} {}

  void add(const seqcast::Delivery& message) {
    lost_ += message.lost;
    ++gaps_;
    last_ = message.sequence;
    if (steady_clock::now() >= next_report_) report();
  }
  /// When report() has something to say; the end of time if nothing.
  steady_clock::time_point due() const {
    return lost_ > 0 ? next_report_ : steady_clock::time_point::max();
  }
  void report() {
    if (lost_ == 0) return;
    const std::string where = gaps_ == 1 ? fmt::format("before number {}", last_)
                                         : fmt::format("in {} gaps, the last before number {}", gaps_, last_);
    console_.note(fmt::format("lost {} {}", lost_, where));
    lost_ = gaps_ = 0;
    next_report_ = steady_clock::now() + std::chrono::seconds{1};
  }

 private:
  Console& console_;
  std::uint64_t lost_ = 0;
  std::uint64_t gaps_ = 0;
  std::uint64_t last_ = 0;
  steady_clock::time_point next_report_{};
};

class Subscription {
 public:
  Subscription(const Settings& settings, Console& console)
      : settings_{settings}, console_{console}, where_{settings.channel.location()} {
    options_.follow = settings.follow;
    options_.survive_truncation = true;
    if (settings.from == "oldest") options_.start = seqcast::Start::oldest;
    const std::chrono::duration<double> patience{settings.timeout.value_or(longest_timeout)};
    patience_ = std::chrono::ceil<std::chrono::nanoseconds>(patience);
  }

  Exit run() try {
    console_.stop().watch_output();
    deadline_ = steady_clock::now() + patience_;
    const Exit status = open() ? print_all() : Exit::timeout;
    losses_.report();
    return console_.stop().requested() ? console_.stopped() : status;
  } catch (const Failure&) {
    losses_.report();
    throw;
  }

 private:
  bool open();
  Exit print_all();
  void print(const seqcast::ReceivedBytes& message);
  std::optional<seqcast::ReceivedBytes> take();
  void check_error() const;
  /// How the program ends because of that, or nothing if it goes on.
  std::optional<Exit> end_for(Wait reason);
  bool still_to_begin() const;

  const Settings& settings_;
  Console& console_;
  seqcast::Location where_;
  seqcast::SubscriberOptions options_;
  std::chrono::nanoseconds patience_{};
  steady_clock::time_point deadline_;
  std::optional<seqcast::ByteSubscriber> channel_;
  std::optional<std::uint64_t> idle_epoch_; // of the publisher that had ended before this began
  std::uint64_t newest_printed_ = 0;
  std::uint64_t printed_ = 0;
  Losses losses_{console_};
};

/// Attaches to the channel, and waits for it where there is none yet; false if the time is over, or a stop
/// came.
bool Subscription::open() {
  std::error_code error;
  channel_ = seqcast::ByteSubscriber::open(where_, options_, error);
  if (error == seqcast::Errc::no_channel && settings_.timeout == 0.0) {
    throw Failure{Exit::not_found, no_channel_text(where_)};
  }
  if (error == seqcast::Errc::no_channel) {
    console_.note("no channel " + to_name(where_) + " yet; waiting for a publisher");
    options_.start = seqcast::Start::oldest; // whatever it begins with comes after this
    options_.open_timeout = std::chrono::milliseconds{50};
  }
  while (error == seqcast::Errc::no_channel && !console_.stop().requested() &&
         steady_clock::now() < deadline_) {
    channel_ = seqcast::ByteSubscriber::open(where_, options_, error);
  }
  if (error && error != seqcast::Errc::no_channel) channel_.emplace(where_, options_); // throws, and says why
  if (!channel_) return false;
  const bool from_here = options_.start == seqcast::Start::newest && !settings_.latest;
  if (from_here && channel_->state() != State::live) idle_epoch_ = channel_->epoch().number;
  return true;
}

Exit Subscription::print_all() {
  while (!console_.stop().requested() && printed_ < settings_.count.value_or(UINT64_MAX)) {
    if (const auto message = take()) {
      print(*message);
      continue;
    }
    check_error();
    console_.out.flush();
    const auto until = std::min(deadline_, losses_.due());
    const Wait reason = channel_->wait_until(until, console_.stop().token());
    if (reason == Wait::timeout && until < deadline_) {
      losses_.report();
    } else if (const auto end = end_for(reason)) {
      return *end;
    }
  }
  return Exit::ok;
}

std::optional<seqcast::ReceivedBytes> Subscription::take() {
  if (!settings_.latest) return channel_->next();
  auto message = channel_->latest();
  // The newest may be the one that was printed last.
  if (message && message->sequence == newest_printed_) message.reset();
  return message;
}

void Subscription::print(const seqcast::ReceivedBytes& message) {
  if (message.lost > 0) {
    losses_.add(message);
    if (settings_.strict) throw Failure{Exit::loss, fmt::format("ends before number {}", message.sequence)};
  }
  console_.out.print(to_output(message, settings_.format(), console_.out.terminal()));
  newest_printed_ = message.sequence;
  ++printed_;
  if (settings_.timeout) deadline_ = steady_clock::now() + patience_;
}

void Subscription::check_error() const {
  const std::error_code error = channel_->error();
  if (error == seqcast::Errc::corrupt || error == seqcast::Errc::truncated) {
    throw Failure{Exit::failure, to_name(where_) + ": " + error.message()};
  }
}

std::optional<Exit> Subscription::end_for(Wait reason) {
  if (reason == Wait::message || reason == Wait::stopped) return std::nullopt;
  if (reason == Wait::timeout) return Exit::timeout;
  if (reason == Wait::superseded) { // and --follow has moved on to another region
    newest_printed_ = 0;
    idle_epoch_.reset();
  }
  if (still_to_begin()) {
    console_.note("no publisher at the moment; waiting for one");
    return std::nullopt;
  }
  const std::string what = reason == Wait::closed         ? "the publisher has ended"
                           : reason == Wait::no_publisher ? "the publisher has died"
                                                          : "the channel was removed or replaced";
  if (settings_.follow) {
    console_.note(what + "; waiting for the next one");
    return std::nullopt;
  }
  if (reason == Wait::closed && !settings_.count) return Exit::ok;
  const std::string so_far =
      settings_.count ? fmt::format(", {} of {} messages", printed_, *settings_.count) : "";
  throw Failure{Exit::publisher_gone, fmt::format("{}{} (--follow waits for the next one)", what, so_far)};
}

/// Whether the publisher that has ended is one from before the beginning: nothing of it was asked for.
bool Subscription::still_to_begin() const {
  return idle_epoch_ && *idle_epoch_ == channel_->epoch().number;
}

Exit subscribe(const Settings& settings, Console& console) {
  if (settings.raw && console.out.terminal()) {
    throw Failure{Exit::usage, "--raw is binary, and standard output a terminal; pipe it, or use --hex"};
  }
  return Subscription{settings, console}.run();
}

constexpr const char* footer =
    "Without --from and --latest what is published from now on is printed. Where\n"
    "there is no channel yet, sub waits for it and begins with its first message;\n"
    "where the last publisher has ended, it waits for the next one.\n"
    "\n"
    "It ends when the publisher does: with 0 if that closed the channel, with 5 if it\n"
    "was killed, if the channel was removed or replaced, or if there were fewer than\n"
    "-n asks for. With --follow it goes on with the next one. When nothing has come\n"
    "for as long as --timeout says, it ends with 4; --timeout 0 prints what is there,\n"
    "and gives 3 if there is no channel. A reader that goes away (head) ends it\n"
    "with 0.\n"
    "\n"
    "To get all that a pub prints which starts at about the same time, use --from\n"
    "oldest: a sub that is late gets what is still in the channel then.\n"
    "\n"
    "What sub was too slow for is told on standard error: so many lost, before which\n"
    "number. The publisher's --capacity sets how far a sub may fall behind. On a\n"
    "terminal control characters are shown as \\xNN; in a pipe, as they are.\n"
    "\n"
    "Examples:\n"
    "  seqcast sub news                           until the publisher ends\n"
    "  seqcast sub news --from oldest             what is there first\n"
    "  seqcast sub news --latest -n 1             the newest message, and no more\n"
    "  seqcast sub news --follow --json | jq .    for ever, one object a line\n"
    "  seqcast sub a --raw | seqcast pub b --raw  every byte from a to b";

} // namespace

void add_sub(CLI::App& app, Action& action) {
  auto settings = std::make_shared<Settings>();
  CLI::App& verb = add_verb(app, "sub", "Print the messages of a channel as they come", footer);
  add_channel(verb, settings->channel);
  verb.add_option("-n,--count", settings->count, "End after this many messages")->option_text("N");
  verb.add_option("--timeout", settings->timeout, "End with 4 when nothing has come for so long")
      ->check(CLI::Range(0.0, longest_timeout))
      ->option_text("SECONDS");
  auto* const from = verb.add_option("--from", settings->from,
                                     "Begin with 'oldest', the oldest message that is "
                                     "still there, or 'newest', the next to come");
  from->check(CLI::IsMember{{"newest", "oldest"}})->option_text("WHICH");
  auto* const latest = verb.add_flag("--latest", settings->latest,
                                     "Only the newest message each time, beginning with the one that is there");
  latest->excludes(from);
  auto* const json =
      verb.add_flag("--json", settings->json, "An object a line, with number, loss, age and text");
  auto* const raw = verb.add_flag("--raw", settings->raw, "Binary, each message after its size, for pub --raw");
  auto* const hex = verb.add_flag("--hex", settings->hex, "Hexadecimal, sixteen bytes a line");
  json->excludes(raw)->excludes(hex);
  raw->excludes(hex);
  verb.add_flag("--follow", settings->follow,
                "Go on with the next publisher, or with a new channel of the name");
  verb.add_flag("--strict", settings->strict, "End with 6 at the first loss")->excludes(latest);
  on_parsed(verb, action, [settings](Console& console) { return subscribe(*settings, console); });
}

} // namespace cli
