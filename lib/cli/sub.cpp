// SPDX-License-Identifier: BSL-1.0
//
// sub: prints the messages of a channel as they arrive, and reports losses on standard error.
#include "channel.hpp"
#include "explain.hpp"
#include "fields.hpp"
#include "loss_report.hpp"
#include "messages.hpp"
#include "recorded_output.hpp"
#include "values.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>
#include <seqcast/seqcast.hpp>
#include <utility>

namespace cli {

namespace {

using seqcast::ChannelState;
using seqcast::WaitResult;
using std::chrono::steady_clock;

constexpr double max_timeout = 1e9; // seconds
// How often a message may be announced, and none read, before the channel counts as damaged. An intact one never
// does that twice while its publisher stands still.
constexpr int most_in_vain = 1000;

struct SubSettings {
  ChannelName channel;
  std::vector<std::string> channels; // of a recording
  std::optional<std::uint64_t> count;
  std::optional<double> timeout;
  std::string from = "newest";
  std::string field;
  bool latest = false;
  bool json = false;
  bool raw = false;
  bool hex = false;
  bool follow = false;
  bool reliable = false;
  bool strict = false;
  bool quiet = false;

  Format format() const {
    return json ? Format::json : raw ? Format::raw : hex ? Format::hex : Format::text;
  }
};

class Subscription {
 public:
  Subscription(const SubSettings& settings, Console& console)
      : settings_{settings}, console_{console}, location_{settings.channel.location()} {
    options_.follow = settings.follow;
    options_.reliable = settings.reliable;
    options_.survive_truncation = true;
    if (settings.from == "oldest") options_.start = seqcast::StartPosition::oldest;
    const std::chrono::duration<double> timeout{settings.timeout.value_or(max_timeout)};
    timeout_ = std::chrono::ceil<std::chrono::nanoseconds>(timeout);
  }

  Exit run() try {
    console_.stop().watch_output();
    deadline_ = steady_clock::now() + timeout_;
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
  std::optional<seqcast::ReceivedBytes> read();
  std::string sub_no_channel_text() const;
  /// Reads how the messages of this channel are described. Errors: throws Failure if they have no --field.
  void read_schema();
  std::string to_output_line(const seqcast::ReceivedBytes& message) const;
  void check_error() const;
  /// Reports that the publisher has stopped waiting for this subscriber, and has it wait again. Errors: throws
  /// Failure with --strict, and if it does not wait for anybody any more.
  void report_demotion();
  /// Whether all is read that was there at the beginning, with --timeout 0.
  bool is_complete() const {
    return last_wanted_ && channel_->cursor() >= *last_wanted_;
  }
  std::uint64_t newest() const {
    return channel_->cursor() + channel_->lag();
  }
  /// Counts that a message was announced and none could be read. Errors: throws Failure when that goes on although
  /// nothing is published.
  void count_in_vain();
  /// The status with which the program ends for that reason; nothing if it continues.
  std::optional<Exit> end_for(WaitResult reason);
  bool waits_for_first_publisher() const;
  /// Of the channel's publisher, or the last one; nothing if it changes all the time.
  std::optional<std::uint64_t> epoch_number() const;

  const SubSettings& settings_;
  Console& console_;
  seqcast::Location location_;
  seqcast::SubscriberOptions options_;
  std::chrono::nanoseconds timeout_{};
  steady_clock::time_point deadline_;
  std::optional<seqcast::ByteSubscriber> channel_;
  seqcast::Schema schema_{""};
  std::optional<std::uint64_t> ended_epoch_; // of a publisher that had ended before sub began
  std::optional<std::uint64_t> last_wanted_; // with --timeout 0
  std::uint64_t newest_printed_ = 0;
  std::uint64_t printed_ = 0;
  bool announced_ = false; // by the last wait: a message
  int in_vain_ = 0;        // since the last message
  int in_vain_at_newest_ = 0;
  std::uint64_t newest_in_vain_ = 0;
  LossReport losses_{console_};
};

/// Opens the channel, and waits for it where there is none yet; false after the timeout or a stop.
bool Subscription::open() {
  seqcast::Error error;
  channel_ = seqcast::ByteSubscriber::open(location_, options_, error);
  if (error == seqcast::Errc::no_channel && (settings_.timeout == 0.0 || is_pattern(location_))) {
    throw Failure{Exit::not_found, sub_no_channel_text()};
  }
  if (error == seqcast::Errc::no_channel) {
    console_.note("no channel " + to_name(location_) + " yet; waiting for a publisher");
    options_.start = seqcast::StartPosition::oldest; // all of its messages are published after this
    options_.open_timeout = std::chrono::milliseconds{50};
  }
  while (error == seqcast::Errc::no_channel && !console_.stop().requested() &&
         steady_clock::now() < deadline_) {
    channel_ = seqcast::ByteSubscriber::open(location_, options_, error);
  }
  if (error && error != seqcast::Errc::no_channel) throw refusal(Attempt::subscribe, location_, error);
  if (!channel_) return false;
  read_schema();
  if (settings_.timeout == 0.0) last_wanted_ = newest();
  const bool from_newest = options_.start == seqcast::StartPosition::newest && !settings_.latest;
  if (from_newest && channel_->state() != ChannelState::live) ended_epoch_ = epoch_number();
  return true;
}

void Subscription::read_schema() {
  schema_ = channel_->schema();
  if (settings_.field.empty() || has_field(schema_, settings_.field)) return;
  std::vector<std::string> names;
  for (const seqcast::Field& field : schema_.fields()) names.push_back(printable(field.name));
  throw Failure{
      Exit::failure,
      fmt::format("messages of '{}' have no field '{}'. {}", to_name(location_), printable(settings_.field),
                  names.empty() ? "The channel does not describe its messages"
                                : fmt::format("Their fields are {}", fmt::join(names, ", ")))};
}

std::string Subscription::to_output_line(const seqcast::ReceivedBytes& message) const {
  if (settings_.field.empty()) return to_output(message, schema_, settings_.format(), console_.out.terminal());
  const auto value = decode(schema_, message.message);
  return (value ? to_column(*value, settings_.field).value_or("null") : "null") + '\n';
}

Exit Subscription::print_all() {
  while (!console_.stop().requested() && printed_ < settings_.count.value_or(UINT64_MAX)) {
    if (!is_complete()) {
      if (const auto message = read()) {
        print(*message);
        continue;
      }
      if (channel_->error() == seqcast::Errc::demoted) {
        report_demotion();
        continue;
      }
      check_error();
    }
    console_.out.flush();
    if (std::exchange(announced_, false)) {
      if (is_complete()) return Exit::timeout;
      count_in_vain();
      if (in_vain_ >= most_in_vain && steady_clock::now() >= deadline_) return Exit::timeout;
    }
    const auto until = std::min(deadline_, losses_.due());
    const WaitResult reason = channel_->wait_until(until, console_.stop().token());
    announced_ = reason == WaitResult::message;
    if (reason == WaitResult::timeout && until < deadline_) {
      losses_.report();
    } else if (const auto end = end_for(reason)) {
      return *end;
    }
  }
  return Exit::ok;
}

void Subscription::count_in_vain() {
  const bool passed_over = channel_->error() == seqcast::Errc::wrong_size; // of which there is an end
  if (passed_over || newest() != newest_in_vain_) in_vain_at_newest_ = 0;
  newest_in_vain_ = newest();
  ++in_vain_;
  if (++in_vain_at_newest_ < most_in_vain) return;
  throw Failure{Exit::failure,
                fmt::format("cannot read '{}' any further. It is damaged, or a copy that was made while a "
                            "publisher wrote",
                            to_name(location_))};
}

std::optional<seqcast::ReceivedBytes> Subscription::read() {
  if (!settings_.latest) return channel_->next();
  auto message = channel_->latest();
  // The newest may be the one that was printed last.
  if (message && message->sequence == newest_printed_) message.reset();
  return message;
}

void Subscription::print(const seqcast::ReceivedBytes& message) {
  if (message.lost > 0) {
    losses_.add(message.lost, message.sequence);
    if (settings_.strict) throw Failure{Exit::loss, fmt::format("ends before number {}", message.sequence)};
  }
  console_.out.print(to_output_line(message));
  newest_printed_ = message.sequence;
  ++printed_;
  in_vain_ = in_vain_at_newest_ = 0;
  announced_ = false;
  if (settings_.timeout) deadline_ = steady_clock::now() + timeout_;
}

void Subscription::check_error() const {
  const std::error_code error = channel_->error();
  const bool truncated = error == seqcast::Errc::truncated;
  if (!truncated && error != seqcast::Errc::corrupt) return;
  throw Failure{Exit::failure, fmt::format("cannot read '{}' any further. {}", to_name(location_),
                                           truncated ? "Its file was truncated"
                                                     : "It is corrupt: it contains what no publisher stores")};
}

void Subscription::report_demotion() {
  losses_.report();
  const std::string text =
      fmt::format("the publisher has stopped waiting for this subscriber, after number {}", channel_->cursor());
  if (settings_.strict) throw Failure{Exit::loss, text};
  seqcast::Error error;
  if (channel_->register_reliable(error)) {
    console_.complain(fmt::format("{}; from number {} on it waits again", text, newest() + 1));
    return;
  }
  console_.complain(text);
  // With --follow the next wait moves to the channel that has taken this one's place; otherwise it ends.
  if (channel_->state() == ChannelState::superseded) return;
  throw refusal(Attempt::subscribe, location_, error);
}

std::optional<Exit> Subscription::end_for(WaitResult reason) {
  if (reason == WaitResult::message || reason == WaitResult::stopped) return std::nullopt;
  if (reason == WaitResult::timeout) return Exit::timeout;
  if (reason == WaitResult::superseded) { // with --follow the subscriber has moved to the new channel
    newest_printed_ = 0;
    if (last_wanted_) last_wanted_ = newest();
    if (settings_.follow) read_schema();
    ended_epoch_.reset();
  }
  if (waits_for_first_publisher()) {
    console_.note("no publisher at the moment; waiting for one");
    return std::nullopt;
  }
  const std::string what = reason == WaitResult::closed         ? "the publisher has ended"
                           : reason == WaitResult::no_publisher ? "the publisher has died"
                                                                : "the channel was removed or replaced";
  if (settings_.follow) {
    console_.note(what + "; waiting for the next one");
    return std::nullopt;
  }
  if (reason == WaitResult::closed && !settings_.count) return Exit::ok;
  const std::string so_far =
      settings_.count ? fmt::format(", {} of {} messages", printed_, *settings_.count) : "";
  throw Failure{Exit::publisher_gone, fmt::format("{}{} (--follow waits for the next one)", what, so_far)};
}

/// Whether the publisher that has ended is one from before sub began, so that none of its messages are wanted.
bool Subscription::waits_for_first_publisher() const {
  return ended_epoch_ && ended_epoch_ == epoch_number();
}

std::optional<std::uint64_t> Subscription::epoch_number() const {
  const auto epoch = channel_->epoch();
  return epoch ? std::optional{epoch->number} : std::nullopt;
}

std::string Subscription::sub_no_channel_text() const {
  std::string text = no_channel_text(location_);
  if (!is_pattern(location_)) text += fmt::format(", 'seqcast pub {}' creates this one", to_name(location_));
  return text;
}

Exit subscribe(const SubSettings& settings, Console& console) {
  if (settings.quiet) console.be_quiet();
  if (settings.raw && console.out.terminal()) {
    throw Failure{Exit::usage, "--raw is binary and standard output is a terminal; use a pipe or --hex"};
  }
  if (is_recording(settings.channel)) {
    if (settings.follow || settings.reliable || settings.latest)
      throw Failure{Exit::usage,
                    "a recording has no publisher: --follow, --reliable and --latest are for channels"};
    return print_recording({settings.channel.name, settings.channels}, settings.format(), settings.field,
                           settings.count.value_or(UINT64_MAX), settings.strict, console);
  }
  if (!settings.channels.empty()) {
    throw Failure{Exit::usage,
                  fmt::format("--channel is for a recording, and {} is none", settings.channel.name)};
  }
  return Subscription{settings, console}.run();
}

constexpr const char* sub_help =
    "Without --from and --latest, sub prints what is published from now on. Where\n"
    "there is no channel yet, it waits for one and begins with its first message;\n"
    "where the last publisher has ended, it waits for the next one.\n"
    "\n"
    "It ends with the publisher: with 0 if the publisher closed the channel, with 5 if\n"
    "it was killed, if the channel was removed or replaced, or if there were fewer\n"
    "messages than -n. With --follow it continues with the next publisher. When no\n"
    "message arrives within --timeout, it ends with 4. --timeout 0 prints what is\n"
    "there at that moment, and ends with 3 if there is no channel, with 4 if there may\n"
    "be more messages. If the reader of its output ends (head), sub ends with 0.\n"
    "\n"
    "A sub that starts at about the same time as a pub gets all messages that are\n"
    "still in the channel if it uses --from oldest.\n"
    "\n"
    "If sub is too slow, it reports on standard error how many messages were lost,\n"
    "and before which number. The publisher's --capacity sets how far a sub may fall\n"
    "behind. With --reliable nothing is lost of what is published from the start of\n"
    "sub on: the publisher, a pub --max-blocking-time SECONDS, waits for it. If that\n"
    "takes longer than SECONDS the publisher goes on; sub reports that like a loss, and\n"
    "has it wait again from there on.\n"
    "\n"
    "Where NAME is a recording, a file that 'seqcast record' made, sub prints what is in\n"
    "it and ends; with several channels, the channel's name before each message. The\n"
    "objects of --json then have the channel, and times of the wall clock.\n"
    "\n"
    "On a terminal control characters are printed as \\xNN.\n"
    "\n"
    "Messages of a channel that describes them (a C++ publisher with a schema, or\n"
    "pub --schema) are printed by their fields, bid=1.5 ask=2, and with --json as the\n"
    "object \"message\".\n"
    "\n"
    "Examples:\n"
    "  seqcast sub news                           until the publisher ends\n"
    "  seqcast sub news --from oldest             first what is still there\n"
    "  seqcast sub news --latest -n 1             only the newest message\n"
    "  seqcast sub news --follow --json | jq .    forever, one object per line\n"
    "  seqcast sub quotes --field bid             one column\n"
    "  seqcast sub orders --reliable --strict     every message, or status 6\n"
    "  seqcast sub run.mcap --channel quotes      from a recording\n"
    "  seqcast sub a --raw | seqcast pub b --raw  every byte from a to b";

} // namespace

void add_sub(CLI::App& app, Action& action) {
  auto settings = std::make_shared<SubSettings>();
  CLI::App& verb = add_verb(app, "sub", "Print the messages of a channel as they arrive", sub_help);
  add_channel(verb, settings->channel);
  verb.add_option("-n,--count", settings->count, "End after this many messages")
      ->transform(whole_number())
      ->option_text("N");
  verb.add_option("--timeout", settings->timeout, "End with 4 when no message arrives for so long")
      ->transform(number("a number of seconds, such as 0.5", 0, max_timeout))
      ->option_text("SECONDS");
  auto* const from = verb.add_option("--from", settings->from,
                                     "Begin with 'oldest', the oldest message that is "
                                     "still there, or 'newest', the next one published [newest]");
  from->transform(one_of({"newest", "oldest"}))->option_text("WHICH");
  auto* const latest = verb.add_flag("--latest", settings->latest,
                                     "Only the newest message each time, beginning with the present one");
  latest->excludes(from);
  auto* const json = verb.add_flag("--json", settings->json,
                                   "One JSON object per line: number, loss, age, size, text or fields");
  auto* const raw = verb.add_flag("--raw", settings->raw, "Binary: each message after its size, for pub --raw");
  auto* const hex = verb.add_flag("--hex", settings->hex, "Hexadecimal, sixteen bytes per line");
  auto* const field =
      verb.add_option("--field", settings->field,
                      "One field alone, of a channel that describes its messages: bid, or levels.0.price");
  field->option_text("PATH")->excludes(json)->excludes(raw)->excludes(hex);
  json->excludes(raw)->excludes(hex);
  raw->excludes(hex);
  verb.add_option("--channel", settings->channels,
                  "Of a recording, only this channel; may be given several times")
      ->expected(1)
      ->take_all()
      ->option_text("NAME");
  verb.add_flag("--follow", settings->follow,
                "Continue with the next publisher, or with a new channel of this name");
  verb.add_flag("--reliable", settings->reliable,
                "Lose nothing: have a pub --max-blocking-time wait for this subscriber")
      ->excludes(latest);
  verb.add_flag("--strict", settings->strict, "End with 6 at the first loss")->excludes(latest);
  verb.add_flag("-q,--quiet", settings->quiet, "No notes about waiting, only losses and errors");
  on_parsed(verb, action, [settings](Console& console) { return subscribe(*settings, console); });
}

} // namespace cli
