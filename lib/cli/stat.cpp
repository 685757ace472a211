// SPDX-License-Identifier: BSL-1.0
//
// stat: how fast one channel is, how old its newest message, and whether it has enough slots.
#include "channel.hpp"
#include "inspection.hpp"
#include "messages.hpp"
#include "sampler.hpp"
#include "units.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <random>

namespace cli {

namespace {

struct StatSettings {
  ChannelName channel;
  Intervals intervals;
  bool watch = false;
  bool once = false;
  bool json = false;
};

constexpr const char* stat_help =
    "stat receives nothing: it samples the channel about every 10 ms, and derives the\n"
    "rate from the sequence of the newest message. It takes at most a hundredth of a\n"
    "core at any rate. The results:\n"
    "  messages   all published messages, exactly\n"
    "  bytes      messages times the mean size of those sampled, at most 16 in a\n"
    "             sample; ~ marks an estimate: not all were sampled\n"
    "  gaps       samples before which messages were overwritten since the sample\n"
    "             before, and how many: a subscriber that pauses for 10 ms loses as\n"
    "             many. More than 0: the channel has few slots for its rate\n"
    "  age        how old the newest message is at a sample, not how long a message\n"
    "             takes to arrive; only for channels with timestamps\n"
    "\n"
    "Fields of --json, one object for each interval: name, state, publisher_process,\n"
    "head, seconds, messages, messages_per_second, bytes_per_second, bytes_estimated,\n"
    "samples, gaps, overwritten, age_ns (null, or an object with p50, p90, p99, max).\n"
    "\n"
    "Examples:\n"
    "  seqcast stat news                 measure for one second\n"
    "  seqcast stat news --watch         a line a second, until Ctrl-C\n"
    "  seqcast stat news -i 10 --json    measure for ten seconds, for a script";

constexpr std::chrono::milliseconds sample_interval{10};

/// A channel in one interval.
struct StatInterval {
  seqcast::ChannelStatus status;
  Measurement measurement;
};

class ChannelMeter {
 public:
  ChannelMeter(const StatSettings& settings, Console& console)
      : settings_{settings}, console_{console}, sampler_{inspect(settings.channel.location())} {}

  /// Nothing if a stop was requested before the interval was over.
  std::optional<StatInterval> measure() {
    const auto begin = std::chrono::steady_clock::now();
    const auto end = begin + settings_.intervals.length();
    // At random times, because the publisher may be periodic too.
    std::uniform_int_distribution<std::int64_t> delay{0, std::chrono::nanoseconds{sample_interval}.count()};
    for (auto time = begin + sample_interval; time < end; time += sample_interval) {
      console_.stop().sleep_until(time + std::chrono::nanoseconds{delay(random_)});
      if (console_.stop().requested()) return std::nullopt;
      sampler_.sample();
    }
    console_.stop().sleep_until(end);
    if (console_.stop().requested()) return std::nullopt;
    return StatInterval{sampler_.inspector().status(), sampler_.finish()};
  }

  /// Continues with the channel that has replaced this one, if there is one.
  void follow() {
    seqcast::Error error;
    if (auto next = inspect(settings_.channel.location(), error)) sampler_ = Sampler{std::move(*next)};
  }

  const seqcast::Location& location() const noexcept {
    return sampler_.inspector().location();
  }

 private:
  const StatSettings& settings_;
  Console& console_;
  Sampler sampler_;
  std::minstd_rand random_{std::random_device{}()};
};

void print_stat_page(const seqcast::Location& location, const StatInterval& interval, Console& console) {
  const Stream& out = console.out;
  const auto& [status, measurement] = interval;
  const Cell state = state_cell(status);
  console.out.print(fmt::format("{}, for {:.3g} s\n", out.paint(Style::bold, printable(to_name(location))),
                                measurement.seconds()));
  console.field("state", out.paint(state.style, state.text));
  console.field("messages",
                fmt::format("{}/s, up to {}", to_count(measurement.messages_per_second()), measurement.head));
  console.field("bytes", to_byte_rate(measurement));
  const std::string gaps =
      fmt::format("{} of {}, {} overwritten", measurement.gaps, plural(measurement.samples, "sample"),
                  plural(measurement.overwritten, "message"));
  console.field("gaps", measurement.gaps == 0 ? "0" : out.paint(Style::yellow, gaps));
  if (measurement.ages.empty()) return;
  console.field("age", fmt::format("p50 {}, p90 {}, p99 {}, max {}", to_duration(measurement.age(0.5)),
                                   to_duration(measurement.age(0.9)), to_duration(measurement.age(0.99)),
                                   to_duration(measurement.age(1))));
}

void print_stat_line(const StatInterval& interval, bool titles, Console& console) {
  Table table{{{"TIME"},
               {"STATE", false, 12},
               {"MSG/S", true, 6},
               {"BYTES/S", true, 10, 4},
               {"GAPS", true, 4, 5},
               {"AGE P50", true, 7, 3},
               {"P99", true, 7, 2},
               {"MAX", true, 7, 1}}};
  const auto& [status, measurement] = interval;
  table.add(
      {{time_of_day()},
       state_cell(status),
       {to_count(measurement.messages_per_second())},
       {to_byte_rate(measurement)},
       {to_count(static_cast<double>(measurement.gaps)), measurement.gaps > 0 ? Style::yellow : Style::plain},
       {to_duration(measurement.age(0.5))},
       {to_duration(measurement.age(0.99))},
       {to_duration(measurement.age(1))}});
  console.out.print(table.text(console.out, titles));
}

void print_stat_json(const seqcast::Location& location, const StatInterval& interval, Console& console) {
  const auto& [status, measurement] = interval;
  nlohmann::ordered_json json = to_json(location, status, measurement);
  json["samples"] = measurement.samples;
  json["gaps"] = measurement.gaps;
  json["overwritten"] = measurement.overwritten;
  json["age_ns"] = nullptr;
  if (!measurement.ages.empty()) {
    json["age_ns"] = {{"p50", measurement.age(0.5)->count()},
                      {"p90", measurement.age(0.9)->count()},
                      {"p99", measurement.age(0.99)->count()},
                      {"max", measurement.age(1)->count()}};
  }
  console.out.print(to_line(json));
}

Exit stat(const StatSettings& settings, Console& console) {
  console.stop().watch_output();
  ChannelMeter meter{settings, console};
  const bool lines = settings.watch || settings.intervals.count;
  const std::uint64_t count = settings.intervals.count.value_or(settings.watch ? UINT64_MAX : 1);
  constexpr std::uint64_t lines_per_title = 20;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto interval = meter.measure();
    if (!interval) return console.stopped();
    if (settings.json) {
      print_stat_json(meter.location(), *interval, console);
    } else if (lines) {
      print_stat_line(*interval, i == 0 || (console.out.terminal() && i % lines_per_title == 0), console);
    } else {
      print_stat_page(meter.location(), *interval, console);
    }
    console.out.flush();
    if (interval->status.state == seqcast::ChannelState::superseded) meter.follow();
  }
  return Exit::ok;
}

} // namespace

void add_stat(CLI::App& app, Action& action) {
  auto settings = std::make_shared<StatSettings>();
  CLI::App& verb = add_verb(app, "stat", "Measure how fast a channel is", stat_help);
  add_channel(verb, settings->channel);
  auto* const count = add_intervals(verb, settings->intervals);
  auto* const once = verb.add_flag("--once", settings->once, "Measure one interval (the default)");
  verb.add_flag("--watch", settings->watch, "A line for each interval, until interrupted")->excludes(once);
  count->excludes(once);
  verb.add_flag("--json", settings->json, "One JSON object for each interval");
  on_parsed(verb, action, [settings](Console& console) { return stat(*settings, console); });
}

} // namespace cli
