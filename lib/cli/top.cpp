// SPDX-License-Identifier: BSL-1.0
//
// top: all channels and how fast they are, updated in intervals.
#include "channel.hpp"
#include "inspection.hpp"
#include "messages.hpp"
#include "sampler.hpp"
#include "screen.hpp"
#include "units.hpp"
#include "values.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace cli {

namespace {

struct TopSettings {
  std::vector<std::string> folders;
  Intervals intervals;
  std::string sort = "name";
  bool json = false;
};

constexpr const char* top_help =
    "On a terminal the page is redrawn in place: q or Ctrl-C ends it. Elsewhere top\n"
    "prints lines for each channel and interval.\n"
    "\n"
    "top receives nothing: it takes one sample of each channel in an interval. MSG/S\n"
    "is exact; BYTES/S with a ~ is an estimate from the newest messages; AGE is that\n"
    "of the newest message. Below a channel are its reliable subscribers (sub\n"
    "--reliable): HEAD is then the last message that one has reported as read, and LAG\n"
    "how many it is behind.\n"
    "\n"
    "Fields of --json: those of 'seqcast stat --json' up to bytes_estimated, and\n"
    "age_ns, of the newest message or null; reliable_subscribers as 'seqcast info\n"
    "--json' has them. A channel that cannot be read has name, location and error.\n"
    "\n"
    "Examples:\n"
    "  seqcast top                       the channels in shared memory\n"
    "  seqcast top . --sort rate         those and a folder's, fastest first\n"
    "  seqcast top -n 1 | cat            each channel once";

struct TopRow {
  seqcast::Location location;
  std::optional<Sampler> sampler; // nothing if the channel cannot be read
  seqcast::Error error;
  seqcast::ChannelStatus status;
  std::vector<seqcast::ReliableSubscription> reliable;
  Measurement measurement;
};

class ChannelList {
 public:
  explicit ChannelList(const TopSettings& settings) : settings_{settings} {}

  /// Adds new channels, drops removed ones, and measures each.
  void update() {
    problems_.clear();
    std::map<std::string, TopRow> found;
    for (const seqcast::Location& location : find_channels(settings_.folders, problems_)) {
      std::string name = to_name(location);
      auto known = rows_.extract(name);
      TopRow row = known ? std::move(known.mapped()) : TopRow{location, {}, {}, {}, {}, {}};
      if (measure(row)) found.emplace(std::move(name), std::move(row));
    }
    rows_ = std::move(found);
  }

  /// In the order of --sort.
  std::vector<const TopRow*> rows() const {
    std::vector<const TopRow*> rows;
    for (const auto& [name, row] : rows_) rows.push_back(&row);
    if (settings_.sort == "rate") {
      std::stable_sort(rows.begin(), rows.end(), [](const TopRow* left, const TopRow* right) {
        return left->measurement.messages_per_second() > right->measurement.messages_per_second();
      });
    }
    return rows;
  }

  const std::vector<std::string>& problems() const noexcept {
    return problems_;
  }

 private:
  /// False if there is no such channel any more.
  static bool measure(TopRow& row) {
    if (row.sampler) {
      row.measurement = row.sampler->finish();
      row.status = row.sampler->inspector().status();
      row.reliable = row.sampler->inspector().reliable_subscribers();
      if (row.status.state != seqcast::ChannelState::superseded) return true;
    }
    // A new channel, or a new region with this name: its rate is known after the next interval.
    row.sampler.reset();
    row.reliable.clear();
    row.measurement = {};
    auto inspector = inspect(row.location, row.error);
    if (!inspector) return row.error != seqcast::Errc::no_channel;
    row.status = inspector->status();
    row.reliable = inspector->reliable_subscribers();
    row.sampler.emplace(std::move(*inspector));
    return true;
  }

  const TopSettings& settings_;
  std::map<std::string, TopRow> rows_;
  std::vector<std::string> problems_;
};

std::vector<Column> top_columns() {
  return {{"NAME"},
          {"STATE", false, 12, 6},
          {"PROCESS", true, 0, 1},
          {"MSG/S", true, 6},
          {"BYTES/S", true, 10, 5},
          {"HEAD", true, 6, 2},
          {"AGE", true, 7, 3},
          {"LAG", true, 5, 4}};
}

std::vector<Cell> top_cells(const TopRow& row) {
  const Cell name{printable(to_name(row.location)), Style::plain};
  if (!row.sampler) return {name, {row.error.code().message(), Style::red}};
  const Style rate_style = row.measurement.messages == 0 ? Style::dim : Style::plain;
  return {name,
          state_cell(row.status),
          {process_text(row.status)},
          {to_count(row.measurement.messages_per_second()), rate_style},
          {to_byte_rate(row.measurement), rate_style},
          {row.status.error ? "-" : to_count(static_cast<double>(row.status.head))},
          {to_duration(age_of_newest(row.status))},
          {""}};
}

std::vector<Cell> top_cells(const seqcast::ReliableSubscription& one) {
  return {{"  reliable", Style::dim},
          state_cell(one),
          {std::to_string(one.process)},
          {""},
          {""},
          {to_count(static_cast<double>(one.cursor))},
          {""},
          {to_count(static_cast<double>(one.lag))}};
}

std::string top_summary(const std::vector<const TopRow*>& rows) {
  double messages = 0;
  double bytes = 0;
  std::uint64_t live = 0;
  for (const TopRow* row : rows) {
    messages += row->measurement.messages_per_second();
    bytes += row->measurement.bytes_per_second();
    live += row->sampler && row->status.publisher_alive ? 1 : 0;
  }
  return fmt::format("{}, {} live, {} messages/s, {}", plural(rows.size(), "channel"), live, to_count(messages),
                     to_byte_rate(bytes));
}

std::vector<std::string> top_page(const ChannelList& channels, const Stream& out) {
  const auto rows = channels.rows();
  const platform::Size size = out.size();
  const auto width = static_cast<std::size_t>(size.columns);
  const std::string title = fmt::format("seqcast top   {}   {}", time_of_day(), top_summary(rows));
  std::vector<std::string> lines{out.paint(Style::bold, shortened(title, width)), ""};
  Table table{top_columns()};
  for (const TopRow* row : rows) {
    table.add(top_cells(*row));
    for (const seqcast::ReliableSubscription& one : row->reliable) table.add(top_cells(one));
  }
  for (std::string& line : table.lines(out, width)) lines.push_back(std::move(line));
  if (rows.empty()) lines.emplace_back("no channels; 'seqcast pub NAME' creates one");
  const auto room = static_cast<std::size_t>(std::max(size.rows - 2, 3)); // two lines are for the footer
  if (lines.size() > room) {
    const std::size_t hidden = lines.size() - room + 1;
    lines.resize(room - 1);
    lines.push_back(out.paint(Style::dim, fmt::format("and {} more", hidden)));
  }
  lines.emplace_back();
  const bool listed = channels.problems().empty();
  const std::string footer = listed ? "q quits" : shortened(channels.problems().front(), width);
  lines.push_back(out.paint(listed ? Style::dim : Style::red, footer));
  return lines;
}

/// The end of interval `number`, which begins now. The first one is shorter, since a rate needs two samples.
std::chrono::steady_clock::time_point end_of_interval(const TopSettings& settings, std::uint64_t number) {
  constexpr std::chrono::nanoseconds first_length = std::chrono::milliseconds{300};
  const auto length = settings.intervals.length();
  return std::chrono::steady_clock::now() + (number == 0 ? std::min(length, first_length) : length);
}

Exit top_on_screen(const TopSettings& settings, Console& console) {
  ChannelList channels{settings};
  channels.update();
  Screen screen;
  screen.draw({"seqcast top   measuring ..."});
  for (std::uint64_t i = 0; i < settings.intervals.count.value_or(UINT64_MAX); ++i) {
    switch (screen.wait_until(end_of_interval(settings, i), console.stop().token())) {
      case Screen::Event::stopped:
        return console.stopped();
      case Screen::Event::key_q:
        return Exit::ok;
      case Screen::Event::resized:
      case Screen::Event::timeout:
        break;
    }
    channels.update();
    screen.draw(top_page(channels, console.out));
  }
  return Exit::ok;
}

void print_top_json(const TopRow& row, Console& console) {
  if (!row.sampler) return console.out.print(to_line(to_json(row.location, row.error)));
  nlohmann::ordered_json json = to_json(row.location, row.status, row.measurement);
  json["age_ns"] = to_json(age_of_newest(row.status));
  json["reliable_subscribers"] = to_json(row.reliable);
  console.out.print(to_line(json));
}

void print_top_lines(const std::vector<const TopRow*>& rows, bool titles, Console& console) {
  std::vector<Column> columns = top_columns();
  columns.front().least = 20;
  columns.insert(columns.begin(), {"TIME", false, 8});
  Table table{std::move(columns)};
  const std::string time = time_of_day();
  const auto add = [&](std::vector<Cell> line) {
    line.insert(line.begin(), {time});
    table.add(std::move(line));
  };
  for (const TopRow* row : rows) {
    add(top_cells(*row));
    for (const seqcast::ReliableSubscription& one : row->reliable) add(top_cells(one));
  }
  console.out.print(table.text(console.out, titles));
}

Exit top_in_lines(const TopSettings& settings, Console& console) {
  console.stop().watch_output();
  ChannelList channels{settings};
  channels.update();
  for (const std::string& problem : channels.problems()) console.complain(problem);
  for (std::uint64_t i = 0; i < settings.intervals.count.value_or(UINT64_MAX); ++i) {
    console.stop().sleep_until(end_of_interval(settings, i));
    if (console.stop().requested()) return console.stopped();
    channels.update();
    const auto rows = channels.rows();
    if (settings.json) {
      for (const TopRow* row : rows) print_top_json(*row, console);
    } else {
      print_top_lines(rows, i == 0, console);
    }
    console.out.flush();
  }
  return channels.problems().empty() ? Exit::ok : Exit::failure;
}

} // namespace

void add_top(CLI::App& app, Action& action) {
  auto settings = std::make_shared<TopSettings>();
  CLI::App& verb = add_verb(app, "top", "Show all channels and their rates, live", top_help);
  add_folders(verb, settings->folders);
  add_intervals(verb, settings->intervals);
  verb.add_option("--sort", settings->sort, "By name or by rate [name]")
      ->option_text("KEY")
      ->transform(one_of({"name", "rate"}));
  verb.add_flag("--json", settings->json, "One JSON object for each channel and interval");
  on_parsed(verb, action, [settings](Console& console) {
    const bool screen = console.out.terminal() && !settings->json && console.out.addressable();
    return screen ? top_on_screen(*settings, console) : top_in_lines(*settings, console);
  });
}

} // namespace cli
