// SPDX-License-Identifier: BSL-1.0
//
// record: writes what goes through channels into a file. One thread reads the channels (recorder), one writes
// (recording_files); this one shows what happens, and ends them.
#include "channel.hpp"
#include "messages.hpp"
#include "recorder.hpp"
#include "recording_files.hpp"
#include "table.hpp"
#include "trigger.hpp"
#include "units.hpp"
#include "values.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <thread>

namespace cli {

namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t largest_file = std::uint64_t{1} << 60;
// The longest time from an event to its effect.
constexpr std::chrono::milliseconds poll_interval{20};

struct RecordSettings {
  std::vector<std::string> names;
  bool all = false;
  bool file = false;
  bool shared_memory = false;
  bool last = false;
  bool force = false;
  bool quiet = false;
  bool compress = false;
  std::string from = "oldest";
  std::optional<double> duration;
  std::optional<std::uint64_t> size;
  std::optional<double> split_time;
  std::optional<double> before;
  std::optional<double> after;
  std::string on;
  bool once = false;
  std::uint64_t buffer = std::uint64_t{256} << 20;
  RecorderOptions recorder;
  FileOptions files;
};

/// The wall clock less the steady clock.
std::chrono::nanoseconds clock_offset() {
  const std::chrono::nanoseconds steady = steady_clock::now().time_since_epoch();
  return std::chrono::system_clock::now().time_since_epoch() - steady;
}

/// Tells names from patterns.
void choose_channels(const RecordSettings& settings, RecorderOptions& options) {
  if (settings.all) options.patterns.emplace_back("*");
  for (const std::string& name : settings.names) {
    const seqcast::Location location = ChannelName{name, settings.file, settings.shared_memory}.location();
    const bool pattern = location.kind() == seqcast::Location::Kind::shared_memory && is_pattern(location);
    if (pattern)
      options.patterns.push_back(name);
    else
      options.names.push_back(location);
  }
}

Table progress_table(const std::vector<RegionProgress>& regions) {
  Table table{{{"CHANNEL"},
               {"MESSAGES", true},
               {"BYTES", true, 0, 2},
               {"LOST", true},
               {"BEFORE", true, 0, 1},
               {"HEAD", true, 0, 3}}};
  for (const RegionProgress& region : regions) {
    table.add({{printable(region.name)},
               {std::to_string(region.messages)},
               {to_bytes(region.bytes)},
               {std::to_string(region.lost), region.lost > 0 ? Style::yellow : Style::plain},
               {std::to_string(region.before)},
               {std::to_string(region.head)}});
  }
  return table;
}

class RecordSession {
 public:
  RecordSession(const RecordSettings& settings, Console& console)
      : settings_{settings}, console_{console}, queue_{settings.buffer} {}

  Exit run();

 private:
  void report_missing(const std::vector<seqcast::Location>& missing);
  void record();
  bool is_over() const;
  void print_notes();
  void print_progress();
  Exit summarise();

  const RecordSettings& settings_;
  Console& console_;
  ChunkQueue queue_;
  std::optional<Recorder> recorder_;
  std::optional<RecordingFiles> files_;
  std::optional<Trigger> trigger_;
  steady_clock::time_point begin_ = steady_clock::now();
  bool complained_ = false;
  bool missing_ = false;
  std::uint64_t shown_messages_ = 0; // in the last line about the progress
  steady_clock::time_point shown_at_ = begin_;
};

Exit RecordSession::run() {
  RecorderOptions options = settings_.recorder;
  FileOptions files = settings_.files;
  choose_channels(settings_, options);
  options.tolerant = settings_.last;
  options.clock_offset = files.writer.steady_clock_offset = clock_offset();
  recorder_.emplace(std::move(options), queue_);
  files_.emplace(std::move(files), queue_);
  const auto missing = recorder_->open();
  report_missing(missing);
  if (settings_.last && recorder_->progress().empty()) {
    print_notes();
    throw Failure{missing_ && !complained_ ? Exit::not_found : Exit::failure,
                  fmt::format("there is nothing to record; {} was not made", settings_.files.path)};
  }
  files_->open();
  if (!settings_.on.empty()) {
    trigger_.emplace(settings_.on, console_);
    console_.note(fmt::format("process {} waits for {}", platform::process_id(), trigger_->name()));
  }
  record();
  return summarise();
}

void RecordSession::report_missing(const std::vector<seqcast::Location>& missing) {
  missing_ = !missing.empty();
  for (const seqcast::Location& location : missing) {
    if (settings_.last)
      console_.complain(no_channel_text(location));
    else
      console_.note(fmt::format("no channel {} yet; it is recorded when it comes", to_name(location)));
  }
}

/// Runs both threads until the end.
void RecordSession::record() {
  std::jthread writing{[this] { files_->run(); }};
  std::jthread reading{[this](const std::stop_token& stop) { recorder_->run(stop); }};
  try {
    while (!is_over()) {
      print_notes();
      print_progress();
      console_.stop().sleep_until(steady_clock::now() + poll_interval);
      if (trigger_ && trigger_->fired()) files_->trigger(trigger_->name());
    }
  } catch (const Failure& failure) { // what is recorded so far stays
    console_.complain(failure.what());
    complained_ = true;
  }
  reading.request_stop();
  reading.join();
  writing.join();
  trigger_.reset();
  print_notes();
}

bool RecordSession::is_over() const {
  const RecordingFiles::Status status = files_->status();
  return settings_.last || console_.stop().requested() || recorder_->ended() || status.done ||
         !status.failure.empty() || (settings_.size && status.bytes >= *settings_.size) ||
         (settings_.duration && steady_clock::now() - begin_ >= nanoseconds_of(*settings_.duration));
}

void RecordSession::print_notes() {
  for (const std::string& text : files_->take_notes()) console_.note(text);
  for (const RecorderNote& note : recorder_->take_notes()) {
    if (!note.complaint) {
      console_.note(note.text);
      continue;
    }
    console_.complain(note.text);
    complained_ = true;
  }
}

/// On a terminal: a line, and a table of the channels that are live.
void RecordSession::print_progress() {
  if (!console_.progress_due()) return;
  const auto now = steady_clock::now();
  std::vector<RegionProgress> regions = recorder_->progress();
  std::uint64_t messages = 0;
  std::uint64_t lag = 0;
  for (const RegionProgress& region : regions) {
    messages += region.messages;
    lag += region.lag;
  }
  const std::chrono::duration<double> passed = now - shown_at_;
  console_.note(fmt::format("{}, {} written, {} messages a second, {} behind, buffer {} %",
                            plural(messages, "message"), to_bytes(files_->status().bytes),
                            to_count(static_cast<double>(messages - shown_messages_) / passed.count()), lag,
                            100 * queue_.held() / queue_.limit()));
  std::erase_if(regions, [](const RegionProgress& region) { return region.ended; });
  console_.err.print(progress_table(regions).text(console_.err));
  console_.err.flush();
  shown_messages_ = messages;
  shown_at_ = now;
}

/// The table of what was recorded, and how the program ends.
Exit RecordSession::summarise() {
  const RecordingFiles::Status status = files_->status();
  const std::vector<RegionProgress> regions = recorder_->progress();
  if (!settings_.quiet && !status.files.empty() && !settings_.files.black_box)
    console_.out.print(progress_table(regions).text(console_.out));
  if (!status.failure.empty()) throw Failure{Exit::failure, status.failure};
  if (!settings_.files.black_box && regions.empty()) console_.note("there was no channel to record");
  if (settings_.files.black_box && status.files.empty())
    console_.note("there was no trigger: no file was written");
  if (complained_) return Exit::failure;
  return settings_.last && missing_ ? Exit::not_found : Exit::ok;
}

void check_record_settings(const RecordSettings& settings) {
  if (settings.names.empty() == !settings.all)
    throw Failure{Exit::usage, settings.all ? "--all contradicts a NAME"
                                            : "a NAME is missing, or --all for all channels in shared memory"};
  if (settings.on.empty() && (settings.before || settings.after || settings.once))
    throw Failure{Exit::usage,
                  "--before, --after and --once are about a trigger: --on SIGUSR1, or --on 'COMMAND'"};
  if (settings.files.keep && !settings.files.numbered())
    throw Failure{Exit::usage, "--keep is about several files: --split-size, --split-time, or --on"};
}

Exit record(RecordSettings& settings, Console& console) {
  if (settings.quiet) console.be_quiet();
  settings.files.writer.replace = settings.force;
  settings.files.writer.program = "seqcast " SEQCAST_VERSION;
  if (settings.compress) settings.files.writer.compression = seqcast::recording::Compression::zstd;
  if (settings.split_time) settings.files.split_time = nanoseconds_of(*settings.split_time);
  settings.recorder.from_newest = settings.from == "newest";
  if (!settings.on.empty()) {
    constexpr double default_before = 10;
    constexpr double default_after = 5;
    settings.files.black_box = BlackBox{nanoseconds_of(settings.before.value_or(default_before)),
                                        nanoseconds_of(settings.after.value_or(default_after)), settings.once};
  }
  check_record_settings(settings);
  return RecordSession{settings, console}.run();
}

constexpr const char* record_help =
    "A NAME may be a pattern such as 'robot.*', which the shell must not expand: it\n"
    "stands for channels in shared memory, also for those that come later. A channel\n"
    "that is not there yet is waited for. Where another channel takes a name, it is\n"
    "recorded as another one; when a publisher starts anew, its numbers go on.\n"
    "\n"
    "The recording begins with what is still in each channel (--from newest: with what\n"
    "is published from now on), and ends by Ctrl-C or SIGTERM, with status 0: what was\n"
    "published up to then is in it. The table at the end says of each channel how many\n"
    "messages are in the file, how many were LOST meanwhile, and how many were gone\n"
    "BEFORE: together they are HEAD, the number of the last message, always.\n"
    "\n"
    "FILE is in the format MCAP, for 'seqcast replay', 'sub', 'info' and other programs.\n"
    "If the recorder is killed or the disk is full, it can be read up to about the last\n"
    "second. With --split-size or --split-time the files are numbered: run.mcap becomes\n"
    "run.0001.mcap and so on, above the numbers that are there. --keep removes the\n"
    "oldest ones of this recording.\n"
    "\n"
    "With --json messages are JSON with a JSON schema, which Foxglove and PlotJuggler\n"
    "show, and 'seqcast replay' publishes as the same bytes. That takes more space and\n"
    "time; without it they show the messages as bytes only.\n"
    "\n"
    "Black box: --last writes what is still in the channels, also in those of publishers\n"
    "that are dead, and ends; with 3 if a channel is missing. --on keeps the last\n"
    "seconds in memory (--before) and writes them into a numbered file, with the next\n"
    "ones (--after), at each signal, or whenever the command has ended with 0. A\n"
    "trigger during --after prolongs it.\n"
    "\n"
    "A reader that is too slow loses messages; the table says how many. --buffer is the\n"
    "memory for what is not yet written. With --reliable the publishers wait, if they\n"
    "have pub --max-blocking-time or the like.\n"
    "\n"
    "Examples:\n"
    "  seqcast record quotes trades -o run.mcap          until Ctrl-C\n"
    "  seqcast record --all -o run.mcap --duration 1h    all of shared memory\n"
    "  seqcast record 'robot.*' -o run.mcap --split-size 1G --keep 10\n"
    "  seqcast record --last --all -o crash.mcap         after a crash\n"
    "  seqcast record --all -o box.mcap --on SIGUSR1     kill -USR1 its process\n"
    "  seqcast record --all -o box.mcap --on 'seqcast sub alarms -n 1'";

void add_record_ends(CLI::App& verb, RecordSettings& settings) {
  verb.add_option("--duration", settings.duration, "End after this time: 10, 0.5s, 5min, 2h")
      ->transform(duration())
      ->option_text("TIME");
  verb.add_option("--size", settings.size, "End when the files have so many bytes: 500M, 10G")
      ->transform(byte_count(largest_file))
      ->option_text("BYTES");
  verb.add_flag("--until-closed", settings.recorder.until_closed,
                "End when no channel has a publisher any more");
  verb.add_option("--split-size", settings.files.split_size, "Begin another file before this size")
      ->transform(byte_count(largest_file))
      ->option_text("BYTES");
  verb.add_option("--split-time", settings.split_time, "Begin another file after this time")
      ->transform(duration())
      ->option_text("TIME");
  verb.add_option("--keep", settings.files.keep, "Keep the last N files only")
      ->transform(whole_number(1))
      ->option_text("N");
}

void add_record_black_box(CLI::App& verb, RecordSettings& settings) {
  auto* const last =
      verb.add_flag("--last", settings.last, "Only what is still in the channels, also of dead publishers");
  auto* const on =
      verb.add_option("--on", settings.on, "Black box: write at this signal or command, not always");
  on->option_text("TRIGGER")->excludes(last);
  verb.add_option("--before", settings.before, "This long before a trigger [10]")
      ->transform(duration())
      ->option_text("TIME");
  verb.add_option("--after", settings.after, "And this long after it [5]")
      ->transform(duration())
      ->option_text("TIME");
  verb.add_flag("--once", settings.once, "End after the first trigger; FILE is then not numbered");
}

} // namespace

void add_record(CLI::App& app, Action& action) {
  auto settings = std::make_shared<RecordSettings>();
  CLI::App& verb = add_verb(app, "record", "Record channels into a file", record_help);
  verb.add_option("NAME", settings->names, std::string{channel_help} + "; or a pattern")
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->allow_extra_args();
  verb.add_flag("--all", settings->all, "All channels in shared memory");
  add_location_flags(verb, settings->file, settings->shared_memory);
  verb.add_option("-o,--output", settings->files.path, "The file, run.mcap")->required()->option_text("FILE");
  verb.add_flag("--force", settings->force, "Replace a FILE that is there");
  verb.add_option("--from", settings->from, "Begin with 'oldest', what is still there, or 'newest' [oldest]")
      ->transform(one_of({"newest", "oldest"}))
      ->option_text("WHICH");
  add_record_ends(verb, *settings);
  verb.add_flag("--compress", settings->compress, "Compress by zstd");
  verb.add_flag("--json", settings->recorder.json, "Messages as JSON, for Foxglove and PlotJuggler");
  verb.add_flag("--reliable", settings->recorder.reliable,
                "Have publishers wait that have --max-blocking-time");
  verb.add_option("--buffer", settings->buffer, "Memory for messages that are not yet written [256M]")
      ->transform(byte_count(largest_file))
      ->option_text("BYTES");
  add_record_black_box(verb, *settings);
  verb.add_flag("-q,--quiet", settings->quiet, "No notes, no progress and no table");
  on_parsed(verb, action, [settings](Console& console) { return record(*settings, console); });
}

} // namespace cli
