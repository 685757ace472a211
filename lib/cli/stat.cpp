// SPDX-License-Identifier: BSL-1.0
//
// stat: how fast one channel is, how old its newest message, and whether its slots are enough.
#include "channel.hpp"
#include "look.hpp"
#include "messages.hpp"
#include "sampler.hpp"
#include "units.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <random>

namespace cli {

namespace {

struct Settings {
  ChannelName channel;
  double seconds = 1;
  std::uint64_t count = 0;
  bool watch = false;
  bool once = false;
  bool json = false;
};

constexpr const char* footer =
    "Nothing is received: stat looks at the channel every 10 ms or so, and derives\n"
    "the rate from the sequence of its newest message. So it takes a hundredth of a\n"
    "core at most, whatever the rate, and its figures mean:\n"
    "  messages   all that were published, exactly\n"
    "  bytes      their number times the mean size of those looked at, 16 a look at\n"
    "             most; ~ where that were not all\n"
    "  gaps       looks before which messages had been overwritten since the look\n"
    "             before, and how many: what a subscriber loses that is away for\n"
    "             10 ms. Above 0 the channel has few slots for its rate\n"
    "  age        how old the newest message is when one looks, not how long one\n"
    "             takes to arrive; only where messages carry their time\n"
    "\n"
    "Fields of --json, one object each interval: name, state, publisher_process,\n"
    "head, seconds, messages, messages_per_second, bytes_per_second, bytes_estimated,\n"
    "looks, gaps, overwritten, age_ns (null, or an object with p50, p90, p99, max).\n"
    "\n"
    "Examples:\n"
    "  seqcast stat news                 one second of it\n"
    "  seqcast stat news --watch         a line a second, until Ctrl-C\n"
    "  seqcast stat news -i 10 --json    ten seconds, for a script";

constexpr std::chrono::milliseconds look_every{10};

struct Measured {
  seqcast::ChannelStatus status;
  Sample sample;
};

class Stat {
 public:
  Stat(const Settings& settings, Console& console)
      : settings_{settings}, console_{console}, sampler_{inspect(settings.channel.location())} {}

  /// Nothing if a stop was requested before the interval was over.
  std::optional<Measured> measure() {
    const auto begin = std::chrono::steady_clock::now();
    const auto end = begin + std::chrono::duration_cast<std::chrono::nanoseconds>(
                                 std::chrono::duration<double>{settings_.seconds});
    // At random moments, since a publisher's may be as regular.
    std::uniform_int_distribution<std::int64_t> part{0, std::chrono::nanoseconds{look_every}.count()};
    for (auto look = begin + look_every; look < end; look += look_every) {
      console_.stop().sleep_until(look + std::chrono::nanoseconds{part(random_)});
      if (console_.stop().requested()) return std::nullopt;
      sampler_.look();
    }
    console_.stop().sleep_until(end);
    if (console_.stop().requested()) return std::nullopt;
    return Measured{sampler_.inspector().status(), sampler_.take()};
  }

  /// Goes on with the channel that has taken this one's name, if there is one.
  void follow() {
    std::error_code error;
    if (auto next = inspect(settings_.channel.location(), error)) sampler_ = Sampler{std::move(*next)};
  }

  const seqcast::Location& location() const noexcept {
    return sampler_.inspector().location();
  }

 private:
  const Settings& settings_;
  Console& console_;
  Sampler sampler_;
  std::minstd_rand random_{std::random_device{}()};
};

std::string age_text(const Sample& sample, double part) {
  const auto age = sample.age(part);
  return age ? to_duration(*age) : "-";
}

void print_page(const seqcast::Location& location, const Measured& measured, Console& console) {
  const Stream& out = console.out;
  const auto& [status, sample] = measured;
  const Cell state = state_cell(status);
  const auto line = [&](std::string_view what, const std::string& text) {
    console.out.print(fmt::format("  {}  {}\n", out.paint(Style::dim, fmt::format("{:<9}", what)), text));
  };
  console.out.print(fmt::format("{}, for {:.3g} s\n", out.paint(Style::bold, printable(to_name(location))),
                                sample.seconds()));
  line("state", out.paint(state.style, state.text));
  line("messages", fmt::format("{}/s, up to {}", to_count(sample.messages_per_second()), sample.head));
  line("bytes", to_byte_rate(sample));
  line("gaps", sample.gaps == 0 ? "0"
                                : out.paint(Style::yellow, fmt::format("{} of {}, {} overwritten", sample.gaps,
                                                                       plural(sample.looks, "look"),
                                                                       plural(sample.overwritten, "message"))));
  if (sample.ages.empty()) return;
  line("age", fmt::format("p50 {}, p90 {}, p99 {}, max {}", age_text(sample, 0.5), age_text(sample, 0.9),
                          age_text(sample, 0.99), age_text(sample, 1)));
}

void print_line(const Measured& measured, bool titles, Console& console) {
  Table table{{{"TIME"},
               {"STATE", false, 12},
               {"MSG/S", true, 6},
               {"BYTES/S", true, 10},
               {"GAPS", true, 4},
               {"AGE P50", true, 7},
               {"P99", true, 7},
               {"MAX", true, 7}}};
  const auto& [status, sample] = measured;
  table.add({{time_of_day()},
             state_cell(status),
             {to_count(sample.messages_per_second())},
             {to_byte_rate(sample)},
             {to_count(static_cast<double>(sample.gaps)), sample.gaps > 0 ? Style::yellow : Style::plain},
             {age_text(sample, 0.5)},
             {age_text(sample, 0.99)},
             {age_text(sample, 1)}});
  console.out.print(table.text(console.out, titles));
}

void print_json(const seqcast::Location& location, const Measured& measured, Console& console) {
  const auto& [status, sample] = measured;
  nlohmann::ordered_json json = to_json(location, status, sample);
  json["looks"] = sample.looks;
  json["gaps"] = sample.gaps;
  json["overwritten"] = sample.overwritten;
  json["age_ns"] = nullptr;
  if (!sample.ages.empty()) {
    json["age_ns"] = {{"p50", sample.age(0.5)->count()},
                      {"p90", sample.age(0.9)->count()},
                      {"p99", sample.age(0.99)->count()},
                      {"max", sample.age(1)->count()}};
  }
  console.out.print(to_line(json));
}

Exit stat(const Settings& settings, Console& console) {
  console.stop().watch_output();
  Stat stat{settings, console};
  const bool lines = settings.watch || settings.count > 0;
  const std::uint64_t last = settings.count > 0 ? settings.count : lines ? 0 : 1;
  constexpr std::uint64_t titles_every = 20;
  for (std::uint64_t i = 0; last == 0 || i < last; ++i) {
    const auto measured = stat.measure();
    if (!measured) return console.stopped();
    if (settings.json) {
      print_json(stat.location(), *measured, console);
    } else if (lines) {
      print_line(*measured, i == 0 || (console.out.terminal() && i % titles_every == 0), console);
    } else {
      print_page(stat.location(), *measured, console);
    }
    console.out.flush();
    if (measured->status.state == seqcast::State::superseded) stat.follow();
  }
  return Exit::ok;
}

} // namespace

void add_stat(CLI::App& app, Action& action) {
  auto settings = std::make_shared<Settings>();
  CLI::App& verb = add_verb(app, "stat", "Measure how fast a channel is", footer);
  add_channel(verb, settings->channel);
  verb.add_option("-i,--interval", settings->seconds, "Seconds to measure for, or between lines [1]")
      ->option_text("S")
      ->check(CLI::Range(0.01, 86400.0));
  auto* const once = verb.add_flag("--once", settings->once, "Measure once; so it does unless told otherwise");
  verb.add_flag("--watch", settings->watch, "A line each interval, until interrupted")->excludes(once);
  verb.add_option("-n,--count", settings->count, "The same, for N intervals")
      ->option_text("N")
      ->check(CLI::PositiveNumber)
      ->excludes(once);
  verb.add_flag("--json", settings->json, "One JSON object each interval");
  on_parsed(verb, action, [settings](Console& console) { return stat(*settings, console); });
}

} // namespace cli
