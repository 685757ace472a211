// SPDX-License-Identifier: BSL-1.0
//
// top: all channels, and how fast they are, again and again.
#include "channel.hpp"
#include "look.hpp"
#include "messages.hpp"
#include "sampler.hpp"
#include "screen.hpp"
#include "units.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace cli {

namespace {

struct Settings {
  std::vector<std::string> folders;
  double seconds = 1;
  std::uint64_t count = 0;
  std::string sort = "name";
  bool json = false;
};

constexpr const char* footer =
    "On a terminal the page is drawn anew in place: q quits, so does Ctrl-C. Where\n"
    "output goes elsewhere, each interval is a line for each channel.\n"
    "\n"
    "Nothing is received: top looks at each channel once an interval. MSG/S is\n"
    "exact, BYTES/S with a ~ an estimate from the newest messages, AGE how old the\n"
    "newest one is.\n"
    "\n"
    "Fields of --json: as of 'seqcast stat --json' up to bytes_estimated, and age_ns,\n"
    "of the newest message or null. A channel that cannot be read has name, location\n"
    "and error.\n"
    "\n"
    "Examples:\n"
    "  seqcast top                       the channels in shared memory\n"
    "  seqcast top . --sort rate         those and a folder's, busiest first\n"
    "  seqcast top -n 1 | cat            one look at all of them";

struct Row {
  seqcast::Location location;
  std::optional<Sampler> sampler; // nothing if the channel cannot be read
  std::error_code error;
  seqcast::ChannelStatus status;
  Sample sample;
};

class Channels {
 public:
  explicit Channels(const Settings& settings) : settings_{settings} {}

  /// Looks for channels that have come or gone, and at each.
  void update() {
    problems_.clear();
    std::map<std::string, Row> found;
    for (const seqcast::Location& location : find_channels(settings_.folders, problems_)) {
      std::string name = to_name(location);
      auto known = rows_.extract(name);
      Row row = known ? std::move(known.mapped()) : Row{location, {}, {}, {}, {}};
      if (look(row)) found.emplace(std::move(name), std::move(row));
    }
    rows_ = std::move(found);
  }

  /// In the order that was asked for.
  std::vector<const Row*> rows() const {
    std::vector<const Row*> rows;
    for (const auto& [name, row] : rows_) rows.push_back(&row);
    if (settings_.sort == "rate") {
      std::stable_sort(rows.begin(), rows.end(), [](const Row* left, const Row* right) {
        return left->sample.messages_per_second() > right->sample.messages_per_second();
      });
    }
    return rows;
  }

  const std::vector<std::string>& problems() const noexcept {
    return problems_;
  }

 private:
  /// False if it has gone.
  static bool look(Row& row) {
    if (row.sampler) {
      row.sample = row.sampler->take();
      row.status = row.sampler->inspector().status();
      if (row.status.state != seqcast::State::superseded) return true;
    }
    // A new channel, or a new region behind the name; its rate is known in the next round.
    row.sampler.reset();
    row.sample = {};
    auto inspector = inspect(row.location, row.error);
    if (!inspector) return row.error != seqcast::Errc::no_channel;
    row.status = inspector->status();
    row.sampler.emplace(std::move(*inspector));
    return true;
  }

  const Settings& settings_;
  std::map<std::string, Row> rows_;
  std::vector<std::string> problems_;
};

std::vector<Column> columns() {
  return {{"NAME"},          {"STATE", false, 12}, {"PROCESS", true}, {"MSG/S", true, 6}, {"BYTES/S", true, 10},
          {"HEAD", true, 6}, {"AGE", true, 7}};
}

std::vector<Cell> cells(const Row& row) {
  const Cell name{printable(to_name(row.location)), Style::plain};
  if (!row.sampler) return {name, {row.error.message(), Style::red}};
  const auto age = age_of_newest(row.status);
  const bool idle = row.sample.messages == 0;
  return {name,
          state_cell(row.status),
          {row.status.publisher_alive ? std::to_string(row.status.publisher_process) : "-"},
          {to_count(row.sample.messages_per_second()), idle ? Style::dim : Style::plain},
          {to_byte_rate(row.sample), idle ? Style::dim : Style::plain},
          {row.status.error ? "-" : to_count(static_cast<double>(row.status.head))},
          {age ? to_duration(*age) : "-"}};
}

std::string summary(const std::vector<const Row*>& rows) {
  double messages = 0;
  double bytes = 0;
  std::uint64_t live = 0;
  for (const Row* row : rows) {
    messages += row->sample.messages_per_second();
    bytes += row->sample.bytes_per_second();
    live += row->sampler && row->status.publisher_alive ? 1 : 0;
  }
  return fmt::format("{}, {} live, {} messages/s, {}", plural(rows.size(), "channel"), live, to_count(messages),
                     to_byte_rate(bytes));
}

std::vector<std::string> page(const Channels& channels, const Stream& out) {
  const auto rows = channels.rows();
  const platform::Size size = out.size();
  const auto width = static_cast<std::size_t>(size.columns);
  const std::string title = fmt::format("seqcast top   {}   {}", time_of_day(), summary(rows));
  std::vector<std::string> lines{out.paint(Style::bold, shortened(title, width)), ""};
  Table table{columns()};
  for (const Row* row : rows) table.add(cells(*row));
  for (std::string& line : table.lines(out, width)) lines.push_back(std::move(line));
  if (rows.empty()) lines.emplace_back("no channels; 'seqcast pub NAME' makes one");
  const auto room = static_cast<std::size_t>(std::max(size.rows - 2, 3)); // the last two lines are the foot
  if (lines.size() > room) {
    const std::size_t hidden = lines.size() - room + 1;
    lines.resize(room - 1);
    lines.push_back(out.paint(Style::dim, fmt::format("and {} more", hidden)));
  }
  lines.emplace_back();
  const bool well = channels.problems().empty();
  const std::string foot = well ? "q quits" : shortened(channels.problems().front(), width);
  lines.push_back(out.paint(well ? Style::dim : Style::red, foot));
  return lines;
}

std::chrono::steady_clock::time_point after(double seconds) {
  return std::chrono::steady_clock::now() +
         std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{seconds});
}

// A rate needs two looks: the first ones are closer together.
constexpr double first_interval = 0.3;

Exit on_screen(const Settings& settings, Console& console) {
  Channels channels{settings};
  channels.update();
  Screen screen;
  double seconds = std::min(settings.seconds, first_interval);
  for (std::uint64_t round = 0; settings.count == 0 || round < settings.count; ++round) {
    if (round == 0) screen.draw({"seqcast top   looking ..."});
    switch (screen.wait_until(after(seconds), console.stop().token())) {
      case Screen::Woken::stopped:
        return console.stopped();
      case Screen::Woken::key_q:
        return Exit::ok;
      case Screen::Woken::resized:
      case Screen::Woken::timeout:
        break;
    }
    channels.update();
    screen.draw(page(channels, console.out));
    seconds = settings.seconds;
  }
  return Exit::ok;
}

void print_json(const Row& row, Console& console) {
  if (!row.sampler) return console.out.print(to_line(to_json(row.location, row.error)));
  nlohmann::ordered_json json = to_json(row.location, row.status, row.sample);
  const auto age = age_of_newest(row.status);
  json["age_ns"] = age ? nlohmann::ordered_json(age->count()) : nlohmann::ordered_json(nullptr);
  console.out.print(to_line(json));
}

void print_lines(const std::vector<const Row*>& rows, bool titles, Console& console) {
  std::vector<Column> with_time = columns();
  with_time.front().least = 20;
  with_time.insert(with_time.begin(), {"TIME", false, 8});
  Table table{std::move(with_time)};
  const std::string time = time_of_day();
  for (const Row* row : rows) {
    std::vector<Cell> line = cells(*row);
    line.insert(line.begin(), {time});
    table.add(std::move(line));
  }
  console.out.print(table.text(console.out, titles));
}

Exit in_lines(const Settings& settings, Console& console) {
  console.stop().watch_output();
  Channels channels{settings};
  channels.update();
  for (const std::string& problem : channels.problems()) console.complain(problem);
  double seconds = std::min(settings.seconds, first_interval);
  for (std::uint64_t round = 0; settings.count == 0 || round < settings.count; ++round) {
    console.stop().sleep_until(after(seconds));
    if (console.stop().requested()) return console.stopped();
    channels.update();
    const auto rows = channels.rows();
    if (settings.json) {
      for (const Row* row : rows) print_json(*row, console);
    } else {
      print_lines(rows, round == 0, console);
    }
    console.out.flush();
    seconds = settings.seconds;
  }
  return channels.problems().empty() ? Exit::ok : Exit::failure;
}

} // namespace

void add_top(CLI::App& app, Action& action) {
  auto settings = std::make_shared<Settings>();
  CLI::App& verb = add_verb(app, "top", "Show all channels and their rates, live", footer);
  add_folders(verb, settings->folders);
  verb.add_option("-i,--interval", settings->seconds, "Seconds between two looks [1]")
      ->option_text("S")
      ->check(CLI::Range(0.05, 86400.0));
  verb.add_option("-n,--count", settings->count, "End after N intervals")
      ->option_text("N")
      ->check(CLI::PositiveNumber);
  verb.add_option("--sort", settings->sort, "By name or by rate [name]")
      ->option_text("KEY")
      ->check(CLI::IsMember({"name", "rate"}));
  verb.add_flag("--json", settings->json, "One JSON object a channel and interval");
  on_parsed(verb, action, [settings](Console& console) {
    const bool screen = console.out.terminal() && !settings->json && console.out.addressable();
    return screen ? on_screen(*settings, console) : in_lines(*settings, console);
  });
}

} // namespace cli
