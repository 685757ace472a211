// SPDX-License-Identifier: BSL-1.0
//
// replay: publishes the messages of a recording again, into channels that are as those that were recorded.
//
// Invariants
//   1. Nothing is published, and no channel is made, if one of them has a live publisher or another identity,
//      or if its numbers could not go on.
//   2. Messages have the numbers that they had, or with --renumber those that follow each other.
#include "explain.hpp"
#include "input.hpp"
#include "inspection.hpp"
#include "messages.hpp"
#include "recorded.hpp"
#include "table.hpp"
#include "units.hpp"
#include "values.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <memory>
#include <seqcast/seqcast.hpp>
#include <utility>

namespace cli {

namespace {

using seqcast::recording::RecordedChannel;
using seqcast::recording::Time;
using std::chrono::steady_clock;

// A sleep ends some 10 to 100 microseconds late; the rest of the time is spent polling the clock.
constexpr std::chrono::microseconds polled_at_the_end{150};
constexpr std::chrono::milliseconds name_check_interval{250};
constexpr double least_rate = 1e-6, most_rate = 1e6;

struct ReplaySettings {
  std::string path;
  std::vector<std::string> names;
  std::string prefix;
  double rate = 1;
  std::optional<double> start;
  std::optional<double> end;
  std::optional<double> max_blocking_time;
  bool loop = false;
  bool step = false;
  bool as_fast_as_possible = false;
  bool renumber = false;
  bool replace = false;
  bool quiet = false;
};

/// A name that is replayed. Its regions follow each other: when the first message of one comes, it replaces
/// the one before.
class ReplayedName {
 public:
  explicit ReplayedName(seqcast::Location location) : location_{std::move(location)} {}

  const seqcast::Location& location() const noexcept {
    return location_;
  }
  /// `first`: sequence of the first message that is replayed; 0 if there is none.
  void add_region(const RecordedChannel& region, const seqcast::recording::Account& account,
                  std::uint64_t first, const ReplaySettings& settings);
  /// Errors: throws Failure if this could not be published to.
  void check(const ReplaySettings& settings);
  void open(const ReplaySettings& settings);
  /// Before the messages are replayed once more.
  void begin_again(const ReplaySettings& settings);
  /// Publishes the message; not if a stop is requested before reliable subscribers have room for it. Errors:
  /// throws Failure.
  bool publish(const Entry& entry, const ReplaySettings& settings, const Stop& stop);
  /// Errors: throws Failure if the name does not lead to this channel any more.
  void check_name() const;

  std::vector<Cell> row() const {
    return {{printable(to_name(location_))},
            {std::to_string(messages_)},
            {to_bytes(bytes_)},
            {std::to_string(gaps_)},
            {std::to_string(publisher_ ? publisher_->head() : 0)}};
  }

 private:
  struct ReplayedRegion {
    const RecordedChannel* recorded;
    std::uint64_t first;
    std::uint64_t lost;
    bool needs_gaps;
  };

  seqcast::PublisherOptions options(const ReplayedRegion& region, const ReplaySettings& settings) const;
  void open_region(std::size_t index, bool replace, const ReplaySettings& settings);
  bool all_have_received(std::uint64_t sequence) const;

  seqcast::Location location_;
  std::vector<ReplayedRegion> regions_;
  std::size_t present_ = 0;
  std::optional<seqcast::BytePublisher> publisher_;
  std::optional<seqcast::Inspector> inspector_; // of the same channel, with --max-blocking-time
  std::uint64_t shift_ = 0;                     // from the recorded sequences
  std::uint64_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t gaps_ = 0;
};

void ReplayedName::add_region(const RecordedChannel& region, const seqcast::recording::Account& account,
                              std::uint64_t first, const ReplaySettings& settings) {
  const bool gaps = first > 1 || account.lost > 0;
  regions_.push_back({&region, first, account.lost, region.gaps || (gaps && !settings.renumber)});
}

seqcast::PublisherOptions ReplayedName::options(const ReplayedRegion& region,
                                                const ReplaySettings& settings) const {
  const RecordedChannel& recorded = *region.recorded;
  seqcast::PublisherOptions options;
  options.capacity = recorded.capacity;
  options.max_message_size = recorded.max_message_size;
  options.message_alignment = recorded.message_alignment;
  options.timestamps = recorded.timestamps;
  options.copy_behind = recorded.copy_behind;
  options.wakeup = recorded.wakeup;
  if (region.needs_gaps) options.gaps = true;
  options.schema = recorded.schema.text();
  if (settings.max_blocking_time) {
    options.max_blocking_time = std::chrono::nanoseconds{0}; // publish() waits
    options.wakeup = seqcast::Wakeup::bell;
  }
  return options;
}

void ReplayedName::check(const ReplaySettings& settings) {
  const std::string name = to_name(location_);
  if (!regions_.front().recorded->schema.problem().empty()) {
    throw Failure{Exit::failure,
                  fmt::format("cannot make the channel '{}': this version cannot read its schema: {}", name,
                              printable(regions_.front().recorded->schema.problem()))};
  }
  seqcast::Error error;
  const auto found = inspect(location_, error);
  if (error == seqcast::Errc::no_channel) return;
  if (!found) throw refusal(Attempt::publish, location_, error);
  const seqcast::ChannelStatus status = found->status();
  if (status.publisher_alive) {
    throw Failure{Exit::failure,
                  fmt::format("'{}' has a live publisher (process {}), and nothing was published. Stop "
                              "that one first, or give other names by --prefix",
                              name, status.publisher_process)};
  }
  if (settings.replace) return;
  const char* const advice = "--replace puts a new channel in its place, --prefix gives other names";
  const RecordedChannel& recorded = *regions_.front().recorded;
  const std::uint64_t first = regions_.front().first;
  // It may be that the recording just goes on.
  if (first == status.head + 1 && regions_.front().lost == 0) regions_.front().needs_gaps = recorded.gaps;
  const seqcast::ChannelIdentity& identity = found->identity();
  const bool fits =
      identity.capacity == recorded.capacity && identity.max_message_size == recorded.max_message_size &&
      identity.message_alignment == recorded.message_alignment && identity.timestamps == recorded.timestamps &&
      (identity.gaps || !regions_.front().needs_gaps) && identity.copy_behind == recorded.copy_behind &&
      identity.schema_name == recorded.schema.name() && identity.schema_format == recorded.schema.format();
  if (!fits) {
    throw Failure{Exit::failure,
                  fmt::format("there is another channel '{}' than the recorded one, and nothing was "
                              "published. {}",
                              name, advice)};
  }
  if (settings.renumber || first == 0 || status.head < first) return;
  throw Failure{Exit::failure,
                fmt::format("the channel '{}' has messages up to number {}, the recording begins with {}, "
                            "and nothing was published. {}, --renumber continues with the next number",
                            name, status.head, first, advice)};
}

void ReplayedName::open(const ReplaySettings& settings) {
  open_region(0, settings.replace, settings);
}

void ReplayedName::open_region(std::size_t index, bool replace, const ReplaySettings& settings) {
  publisher_.reset();
  present_ = index;
  shift_ = 0;
  seqcast::Error error;
  const seqcast::PublisherOptions wanted = options(regions_[index], settings);
  if (replace) seqcast::remove_channel(location_, error);
  if (!error) publisher_ = seqcast::BytePublisher::open(location_, wanted, error);
  if (publisher_ && settings.max_blocking_time) inspector_ = inspect(location_, error);
  if (error) throw refusal(Attempt::publish, location_, error, wanted);
}

void ReplayedName::begin_again(const ReplaySettings& settings) {
  if (regions_.size() > 1) return open_region(0, true, settings);
  shift_ = publisher_->head() + 1 - regions_.front().first;
}

/// Whether no reliable subscriber is left that has not.
bool ReplayedName::all_have_received(std::uint64_t sequence) const {
  return std::ranges::none_of(inspector_->reliable_subscribers(), [sequence](const auto& subscriber) {
    return subscriber.state == seqcast::ReliableState::waited_for && subscriber.cursor < sequence;
  });
}

bool ReplayedName::publish(const Entry& entry, const ReplaySettings& settings, const Stop& stop) {
  const auto most = nanoseconds_of(settings.max_blocking_time.value_or(0));
  // Waits, if that is wanted. The library's own wait would keep replay from ending by a signal.
  const auto wait = [&](const auto& condition) {
    const auto attempt = [&] {
      if (condition()) return true;
      check_name();
      return false;
    };
    return settings.max_blocking_time && stop.poll(most, attempt);
  };
  while (regions_[present_].recorded->id != entry.channel) open_region(present_ + 1, true, settings);
  const std::uint64_t next = publisher_->head() + 1;
  const std::uint64_t wanted = settings.renumber ? next : entry.sequence + shift_;
  try {
    if (wanted > next) {
      // Each gap takes a slot; from capacity() on all messages before them are discarded.
      const std::uint64_t received = std::min(next - 1, wanted - std::min(wanted, publisher_->capacity()));
      wait([&] { return all_have_received(received); });
      if (stop.requested()) return false;
      publisher_->skip(wanted - next);
      gaps_ += wanted - next;
    }
    if (!wait([&] { return publisher_->try_publish(entry.message).has_value(); })) {
      if (stop.requested()) return false;
      publisher_->publish(entry.message); // demotes at once those that are in the way
    }
  } catch (const std::logic_error&) { // of a recording that contradicts itself
    throw Failure{Exit::failure,
                  fmt::format("message {} of '{}', of {}, does not fit into its channel. The recording "
                              "is damaged, or not of seqcast",
                              entry.sequence, to_name(location_), plural(entry.message.size(), "byte"))};
  }
  ++messages_;
  bytes_ += entry.message.size();
  return true;
}

void ReplayedName::check_name() const {
  if (publisher_->state() != seqcast::ChannelState::superseded) return;
  throw Failure{Exit::publisher_gone,
                fmt::format("the channel {} was removed or replaced", to_name(location_))};
}

class Replay {
 public:
  Replay(const ReplaySettings& settings, Console& console)
      : settings_{settings}, console_{console}, messages_{settings.path, settings.names, console} {}

  Exit run();

 private:
  void make_channels();
  std::uint64_t first_sequence(const RecordedChannel& region);
  bool replay_once();
  void wait_for(Time time);
  bool wait_for_line(const ReplayedName& name, const Entry& entry);
  void check_names();
  std::optional<Time> time_after_start(const std::optional<double>& seconds) const;

  const ReplaySettings& settings_;
  Console& console_;
  RecordedMessages messages_;
  std::vector<std::unique_ptr<ReplayedName>> names_;
  std::map<std::uint16_t, ReplayedName*> by_id_;
  std::optional<Lines> lines_;
  std::optional<Time> first_time_;     // of this pass
  steady_clock::time_point first_due_; // when its message is due
  steady_clock::time_point next_check_ = steady_clock::now() + name_check_interval;
};

std::optional<Time> Replay::time_after_start(const std::optional<double>& seconds) const {
  const auto begin = messages_.recording().start();
  return seconds && begin ? std::optional{*begin + nanoseconds_of(*seconds)} : std::nullopt;
}

/// Of the messages that are replayed; 0 if there is none.
std::uint64_t Replay::first_sequence(const RecordedChannel& region) {
  auto cursor = messages_.recording().read(
      {{region.id}, time_after_start(settings_.start), time_after_start(settings_.end)});
  for (;;) {
    try {
      const auto entry = cursor.next();
      return entry ? entry->sequence : 0;
    } catch (const seqcast::recording::Failure&) { // what is damaged is reported when it is replayed
    }
  }
}

void Replay::make_channels() {
  for (const RecordedChannel* region : messages_.channels()) {
    const seqcast::Location location = prefixed(region->location, settings_.prefix);
    const auto named = [&location](const auto& name) { return name->location() == location; };
    auto found = std::ranges::find_if(names_, named);
    if (found == names_.end()) found = names_.insert(names_.end(), std::make_unique<ReplayedName>(location));
    (*found)->add_region(*region, messages_.recording().account(region->id), first_sequence(*region),
                         settings_);
    by_id_[region->id] = found->get();
  }
  for (const auto& name : names_) name->check(settings_);
  for (const auto& name : names_) name->open(settings_);
}

Exit Replay::run() {
  make_channels();
  if (settings_.step) {
    constexpr std::uint64_t longest_line = 65536;
    lines_.emplace(console_.stop(), longest_line, [this] { check_names(); });
    if (platform::is_terminal(platform::Standard::input))
      console_.note("Enter publishes the next message; Ctrl-D ends");
  }
  platform::sleep_precisely();
  while (replay_once() && settings_.loop) {
    for (const auto& name : names_) name->begin_again(settings_);
  }
  Table table{{{"CHANNEL"}, {"MESSAGES", true}, {"BYTES", true}, {"GAPS", true}, {"HEAD", true}}};
  for (const auto& name : names_) table.add(name->row());
  if (!settings_.quiet) console_.out.print(table.text(console_.out));
  if (console_.stop().requested()) return console_.stopped();
  return messages_.damaged() ? Exit::failure : Exit::ok;
}

/// Publishes the messages, once; whether there are any, and all were published.
bool Replay::replay_once() {
  messages_.read(time_after_start(settings_.start), time_after_start(settings_.end));
  first_time_.reset();
  bool any = false;
  while (const auto entry = messages_.next()) {
    ReplayedName& name = *by_id_.at(entry->channel);
    if (lines_) {
      if (!wait_for_line(name, *entry)) return false;
    } else if (!settings_.as_fast_as_possible) {
      wait_for(entry->published_at.value_or(entry->received_at));
    }
    if (console_.stop().requested()) return false;
    if (!name.publish(*entry, settings_, console_.stop())) return false;
    check_names();
    any = true;
  }
  return any;
}

/// Waits until a message of this time is due.
void Replay::wait_for(Time time) {
  if (!first_time_) {
    first_time_ = time;
    first_due_ = steady_clock::now();
  }
  const std::chrono::duration<double, std::nano> passed{(time - *first_time_).count()};
  const auto due =
      first_due_ + std::chrono::nanoseconds{static_cast<std::int64_t>(passed.count() / settings_.rate)};
  for (auto now = steady_clock::now(); now < due && !console_.stop().requested(); now = steady_clock::now()) {
    if (due - now <= polled_at_the_end) continue;
    console_.stop().sleep_until(std::min(due - polled_at_the_end, now + name_check_interval));
    check_names();
  }
}

/// Waits for a line of standard input; whether there was one.
bool Replay::wait_for_line(const ReplayedName& name, const Entry& entry) {
  if (!lines_->next()) return false;
  console_.note(fmt::format("{}, number {}, {}", to_name(name.location()), entry.sequence,
                            plural(entry.message.size(), "byte")));
  return true;
}

/// Four times a second at most.
void Replay::check_names() {
  const auto now = steady_clock::now();
  if (now < next_check_) return;
  next_check_ = now + name_check_interval;
  for (const auto& name : names_) name->check_name();
}

Exit replay(const ReplaySettings& settings, Console& console) {
  if (settings.quiet) console.be_quiet();
  return Replay{settings, console}.run();
}

constexpr const char* replay_help =
    "The channels are made anew, with the names, properties and numbers that they had:\n"
    "numbers that were lost, or overwritten before the recording began, are gaps, which\n"
    "subscribers count as lost. --renumber leaves no gaps. A message is published as\n"
    "long after the first one as it was published, or received where the channel has\n"
    "no timestamps.\n"
    "\n"
    "Nothing is published if a channel has a live publisher. A channel that is there\n"
    "without one goes on if it is as the recorded one, and if its last number is below\n"
    "the first of the recording; otherwise --replace, --prefix or --renumber help. The\n"
    "channels stay when replay ends, as with pub. A recording names files, too: 'seqcast\n"
    "info' shows what will be made of one that you did not make.\n"
    "\n"
    "--prefix makes test.quotes of quotes. A prefix with a slash makes files: ./again/.\n"
    "With --loop the numbers go on. With --max-blocking-time a sub --reliable gets every\n"
    "message, also with --as-fast-as-possible.\n"
    "\n"
    "Examples:\n"
    "  seqcast replay run.mcap --prefix test.     beside the live channels\n"
    "  seqcast replay run.mcap --start 60 --end 90 --rate 0.1\n"
    "  seqcast replay run.mcap --channel quotes --loop --replace\n"
    "  seqcast replay run.mcap --step             one message for each line typed";

} // namespace

void add_replay(CLI::App& app, Action& action) {
  auto settings = std::make_shared<ReplaySettings>();
  CLI::App& verb = add_verb(app, "replay", "Publish a recording again", replay_help);
  verb.add_option("FILE", settings->path, "A recording, made by 'seqcast record'")->required();
  verb.add_option("--channel", settings->names, "Only this channel; may be given several times")
      ->expected(1)
      ->take_all()
      ->option_text("NAME");
  verb.add_option("--prefix", settings->prefix, "What to put before each name")->option_text("TEXT");
  auto* const rate = verb.add_option("--rate", settings->rate, "So many times as fast [1]");
  rate->transform(number("a number from 1e-6 to 1e6", least_rate, most_rate))->option_text("R");
  auto* const step = verb.add_flag("--step", settings->step, "A message for each line of standard input");
  auto* const fast =
      verb.add_flag("--as-fast-as-possible", settings->as_fast_as_possible, "Without waiting in between");
  rate->excludes(step)->excludes(fast);
  step->excludes(fast);
  verb.add_option("--start", settings->start, "Begin so long after the beginning: 90, 1.5min")
      ->transform(duration())
      ->option_text("TIME");
  verb.add_option("--end", settings->end, "End so long after the beginning")
      ->transform(duration())
      ->option_text("TIME");
  verb.add_flag("--loop", settings->loop, "Again and again");
  verb.add_flag("--renumber", settings->renumber, "Numbers without gaps, that go on with those of the channel");
  verb.add_flag("--replace", settings->replace, "Put new channels in the place of those that are there");
  verb.add_option("--max-blocking-time", settings->max_blocking_time,
                  "How long a message waits for a sub --reliable that is too slow [it waits for nobody]")
      ->transform(duration())
      ->option_text("TIME");
  verb.add_flag("-q,--quiet", settings->quiet, "No notes and no table");
  on_parsed(verb, action, [settings](Console& console) { return replay(*settings, console); });
}

} // namespace cli
