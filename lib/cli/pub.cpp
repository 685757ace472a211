// SPDX-License-Identifier: BSL-1.0
//
// pub: publishes its arguments, or standard input. The channel and its last messages stay when pub ends.
#include "channel.hpp"
#include "explain.hpp"
#include "fields.hpp"
#include "input.hpp"
#include "messages.hpp"
#include "values.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <CLI/App.hpp>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <seqcast/seqcast.hpp>

namespace cli {

namespace {

using seqcast::Wakeup;
using std::chrono::steady_clock;

constexpr std::uint64_t default_size = 1024;                      // of the library
constexpr std::uint64_t largest_message = std::uint64_t{1} << 31; // that a channel can take
constexpr std::chrono::milliseconds name_check_interval{250};
constexpr double least_rate = 1e-6, most_rate = 1e9;
constexpr double most_blocking_time = 1e9; // seconds

struct PubSettings {
  ChannelName channel;
  CLI::Option* texts = nullptr;
  bool raw = false;
  bool repeat = false;
  bool recreate = false;
  bool quiet = false;
  double rate = 0;
  std::uint64_t count = UINT64_MAX;
  std::optional<std::uint32_t> mode;
  std::optional<std::string> wakeup;
  std::optional<double> max_blocking_time; // seconds; the library gets 0
  std::string schema;
  seqcast::PublisherOptions options;
};

/// What to do about a message that is too long for the channel.
std::string advice_for(std::uint64_t size) {
  if (size > largest_message) return fmt::format("No channel takes more than {} bytes", largest_message);
  return fmt::format("--replace --size {} makes a channel that takes it", size);
}

/// A source of messages.
class Source {
 public:
  virtual ~Source() = default;
  /// The next message, valid until the next call; nothing at the end.
  virtual std::optional<std::string_view> next() = 0;
  /// Messages that are too long for the channel.
  virtual std::uint64_t left_out() const {
    return 0;
  }
};

class TextSource : public Source {
 public:
  TextSource(std::vector<std::string> texts, bool repeat) : texts_{std::move(texts)}, repeat_{repeat} {}
  std::optional<std::string_view> next() override {
    if (next_ == texts_.size() && repeat_) next_ = 0;
    if (next_ == texts_.size()) return std::nullopt;
    return texts_[next_++];
  }

 private:
  std::vector<std::string> texts_;
  bool repeat_;
  std::size_t next_ = 0;
};

class LineSource : public Source {
 public:
  /// `schema`: that of the messages, if lines are their JSON; otherwise null.
  LineSource(Console& console, std::uint64_t max_size, const seqcast::Schema* schema,
             std::function<void()> while_waiting)
      : console_{console},
        lines_{console.stop(), schema == nullptr ? max_size : most_json, std::move(while_waiting)},
        max_size_{max_size},
        schema_{schema} {}

  std::optional<std::string_view> next() override {
    for (;;) {
      const auto line = lines_.next();
      if (!line) return std::nullopt;
      ++number_;
      if (!line->too_long && schema_ == nullptr) return line->text;
      if (!line->too_long && encode_line(line->text)) return message_;
      ++left_out_;
      if (!line->too_long) continue;
      if (schema_ != nullptr) {
        console_.complain(fmt::format(
            "line {} has {} bytes, which is more than any message in JSON may have, and is left out", number_,
            line->size));
        continue;
      }
      console_.complain(fmt::format("line {} has {} bytes, the channel takes {}, and the line is left out. {}",
                                    number_, line->size, max_size_, advice_for(line->size)));
    }
  }
  std::uint64_t left_out() const override {
    return left_out_;
  }

 private:
  static constexpr std::uint64_t most_json = std::uint64_t{1} << 30;

  /// Whether the line is a message; says why not.
  bool encode_line(std::string_view text) {
    try {
      message_ = encode(*schema_, text);
      return true;
    } catch (const Failure& failure) {
      console_.complain(fmt::format("line {}: {}. The line is left out", number_, failure.what()));
      return false;
    }
  }

  Console& console_;
  Lines lines_;
  std::uint64_t max_size_;
  const seqcast::Schema* schema_;
  std::string message_;
  std::uint64_t number_ = 0;
  std::uint64_t left_out_ = 0;
};

class FrameSource : public Source {
 public:
  FrameSource(const Stop& stop, std::uint64_t max_size, std::function<void()> while_waiting)
      : frames_{stop, max_size, std::move(while_waiting)} {}
  std::optional<std::string_view> next() override {
    return frames_.next();
  }

 private:
  Frames frames_;
};

/// The channel that is there; nothing, and the reason in `error`, where none can be read.
std::optional<seqcast::ChannelIdentity> identity_of(const seqcast::Location& location, seqcast::Error& error) {
  const auto inspector = seqcast::Inspector::open(location, {.survive_truncation = true}, error);
  return inspector ? std::optional{inspector->identity()} : std::nullopt;
}

/// Whether a channel has all properties that are asked for.
bool is_suitable(const seqcast::ChannelIdentity& found, const seqcast::PublisherOptions& options) {
  return found.capacity == options.capacity.value_or(found.capacity) &&
         found.max_message_size == options.max_message_size.value_or(found.max_message_size) &&
         found.wakeup == options.wakeup.value_or(options.max_blocking_time ? Wakeup::bell : found.wakeup) &&
         has_same_schema(found, options.schema);
}

/// Completes the options for a channel that will be created: timestamps, so that stat can show ages, and room
/// for the longest argument. An existing channel keeps its properties.
void complete(seqcast::PublisherOptions& options, const seqcast::Location& location, std::uint64_t longest) {
  seqcast::Error error;
  const auto existing = identity_of(location, error);
  if (existing && is_suitable(*existing, options)) return;
  if (error != seqcast::Errc::no_channel && !options.replace) return;
  options.timestamps = true;
  if (!options.max_message_size && longest > default_size && longest <= largest_message) {
    options.max_message_size = static_cast<std::uint32_t>(longest);
  }
}

seqcast::BytePublisher open_publisher(const seqcast::Location& location,
                                      const seqcast::PublisherOptions& options) {
  seqcast::Error error;
  auto publisher = seqcast::BytePublisher::open(location, options, error);
  if (!publisher) throw refusal(Attempt::publish, location, error, options);
  return std::move(*publisher);
}

/// The publisher, and a check that the name still leads to its channel: systemd-tmpfiles, rm and --replace take
/// names away, and nothing else tells a publisher.
class PubChannel {
 public:
  PubChannel(const PubSettings& settings, Console& console, std::uint64_t longest)
      : settings_{settings},
        console_{console},
        location_{settings.channel.location()},
        publisher_{open(longest)} {
    seqcast::Error none;
    identity_ = identity_of(location_, none);
  }

  std::uint64_t max_message_size() const noexcept {
    return publisher_.max_message_size();
  }
  /// Publishes the message, with --max-blocking-time after a wait for reliable subscribers that are in the way;
  /// not if a stop is requested meanwhile. The library's own wait would keep pub from ending by a signal, and
  /// from finding out that the channel was removed.
  void publish(std::string_view message) {
    if (!settings_.max_blocking_time) {
      publisher_.publish(message);
      return;
    }
    const auto attempt = [this, message] {
      if (publisher_.try_publish(message)) return true;
      check_sometimes();
      return false;
    };
    const bool published = console_.stop().poll(nanoseconds_of(*settings_.max_blocking_time), attempt);
    if (!published && !console_.stop().requested())
      publisher_.publish(message); // demotes at once those that are in the way
  }
  /// Checks the name, four times a second at most. Errors: throws Failure if it is gone, and is not made anew.
  void check_sometimes() {
    const auto now = steady_clock::now();
    if (now < next_check_) return;
    next_check_ = now + name_check_interval;
    check();
  }
  /// Checks the name now.
  void check() {
    if (publisher_.state() != seqcast::ChannelState::superseded) return;
    const std::string what = "the channel " + to_name(location_) + " was removed or replaced";
    if (!settings_.recreate) {
      throw Failure{Exit::publisher_gone,
                    what + ". Who subscribes from now on does not find it; --recreate makes it anew"};
    }
    console_.note(what + "; it is made anew");
    seqcast::PublisherOptions options = settings_.options;
    options.capacity = publisher_.capacity();
    options.max_message_size = publisher_.max_message_size();
    options.timestamps = publisher_.timestamps();
    if (identity_) {
      options.message_alignment = identity_->message_alignment;
      options.wakeup = identity_->wakeup;
      options.copy_behind = identity_->copy_behind;
      options.gaps = identity_->gaps;
    }
    publisher_ = open_publisher(location_, options);
  }
  void sleep_until(steady_clock::time_point due) {
    while (!console_.stop().requested() && steady_clock::now() < due) {
      console_.stop().sleep_until(std::min(due, steady_clock::now() + name_check_interval));
      check_sometimes();
    }
  }

 private:
  seqcast::BytePublisher open(std::uint64_t longest) const {
    seqcast::PublisherOptions options = settings_.options;
    complete(options, location_, longest);
    seqcast::Error error;
    auto publisher = seqcast::BytePublisher::open(location_, options, error);
    // Another publisher may have created it since complete().
    if (!publisher) publisher = open_publisher(location_, settings_.options);
    if (settings_.mode) report_mode();
    return std::move(*publisher);
  }

  /// A channel that was there keeps its permissions.
  void report_mode() const {
    std::error_code error;
    const auto found =
        static_cast<unsigned>(std::filesystem::status(path_of(location_), error).permissions()) & 0777U;
    if (error || found == *settings_.mode) return;
    console_.note(fmt::format("the channel {} was there already, with the permissions {:o}; chmod changes them",
                              to_name(location_), found));
  }

  const PubSettings& settings_;
  Console& console_;
  seqcast::Location location_;
  seqcast::BytePublisher publisher_;
  std::optional<seqcast::ChannelIdentity> identity_; // as the name led to it at first
  steady_clock::time_point next_check_ = steady_clock::now() + name_check_interval;
};

std::unique_ptr<Source> source_of(const PubSettings& settings, const seqcast::Schema& schema,
                                  PubChannel& channel, Console& console) {
  std::vector<std::string> texts = settings.texts->results();
  const bool json = schema.root().size > 0;
  for (std::size_t i = 0; json && i < texts.size(); ++i) {
    try {
      texts[i] = encode(schema, texts[i]);
    } catch (const Failure& failure) {
      throw Failure{Exit::failure, fmt::format("TEXT {}: {}. Nothing was published", i + 1, failure.what())};
    }
  }
  const std::uint64_t max_size = channel.max_message_size();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].size() <= max_size) continue;
    throw Failure{Exit::failure,
                  fmt::format("TEXT {} has {} bytes, the channel takes {}, and nothing was published. {}",
                              i + 1, texts[i].size(), max_size, advice_for(texts[i].size()))};
  }
  if (!texts.empty()) return std::make_unique<TextSource>(texts, settings.repeat);
  if (platform::is_terminal(platform::Standard::input) && console.err.terminal()) {
    console.note("each line that you type is a message; Ctrl-D ends");
  }
  const auto check = [&channel] { channel.check_sometimes(); };
  if (settings.raw) return std::make_unique<FrameSource>(console.stop(), max_size, check);
  return std::make_unique<LineSource>(console, max_size, json ? &schema : nullptr, check);
}

/// The number and rate of messages, on a terminal, unless the user types them.
class PubProgress {
 public:
  PubProgress(Console& console, bool typing) : console_{console}, shown_{console.err.terminal() && !typing} {}
  void show(std::uint64_t published) {
    if (!shown_ || !console_.progress_due()) return;
    const std::chrono::duration<double> passed = steady_clock::now() - begin_;
    console_.note(fmt::format("{} messages published, {:.0f} a second", published,
                              static_cast<double>(published) / passed.count()));
  }

 private:
  Console& console_;
  bool shown_;
  steady_clock::time_point begin_ = steady_clock::now();
};

seqcast::Schema schema_of(const PubSettings& settings) {
  seqcast::Error error;
  auto schema = seqcast::Schema::parse(settings.schema, error);
  if (!schema) throw Failure{Exit::usage, "--schema: " + printable(error.message())};
  return std::move(*schema);
}

Exit publish(const PubSettings& settings, Console& console) {
  const std::vector<std::string>& texts = settings.texts->results();
  if (!texts.empty() && settings.raw) throw Failure{Exit::usage, "--raw is for standard input, without a TEXT"};
  if (texts.empty() && settings.repeat) throw Failure{Exit::usage, "--repeat needs a TEXT to repeat"};
  std::uint64_t longest = 0;
  for (const std::string& text : texts) longest = std::max<std::uint64_t>(longest, text.size());
  const seqcast::Schema schema = schema_of(settings);
  if (schema.root().size > 0) longest = 0; // the schema has the size

  if (settings.quiet) console.be_quiet();
  PubChannel channel{settings, console, longest};
  const auto source = source_of(settings, schema, channel, console);
  const bool typing = texts.empty() && platform::is_terminal(platform::Standard::input);
  PubProgress progress{console, typing};
  const auto begin = steady_clock::now();
  std::uint64_t published = 0;
  while (published < settings.count && !console.stop().requested()) {
    const auto message = source->next();
    if (!message) break;
    if (const std::uint64_t size = std::uint64_t{schema.root().size} * schema.root().count;
        size > 0 && message->size() != size) {
      throw Failure{Exit::failure, fmt::format("message {} has {} bytes, and those of the schema have {}",
                                               published + 1, message->size(), size)};
    }
    channel.publish(*message);
    ++published;
    channel.check_sometimes();
    progress.show(published);
    if (settings.rate > 0 && published < settings.count) {
      const std::chrono::duration<double> due{static_cast<double>(published) / settings.rate};
      channel.sleep_until(begin + std::chrono::ceil<std::chrono::nanoseconds>(due));
    }
  }
  if (console.stop().requested()) return console.stopped();
  channel.check();
  return source->left_out() == 0 ? Exit::ok : Exit::failure;
}

constexpr const char* pub_help =
    "Each TEXT is a message; without a TEXT, each line of standard input is one,\n"
    "without its newline. A line that is too long for the channel is reported on\n"
    "standard error and left out; the exit status is then 1.\n"
    "\n"
    "The channel stays when pub ends, with its last messages in it (--capacity less\n"
    "one), for 'seqcast sub --from oldest'. The next pub continues with the next\n"
    "number. 'seqcast rm' removes the channel. If another process removes or replaces\n"
    "it while pub runs (rm, systemd-tmpfiles), pub notices within half a second: it\n"
    "ends with 5 or, with --recreate, makes the channel anew, from number 1 on.\n"
    "\n"
    "A new channel is for its user alone. With --mode 644 all users can subscribe;\n"
    "those who may not write the bell poll it, up to 1 ms late, unless each message\n"
    "wakes them: --wakeup every-message. Who may write the bell (--bell-mode 666) can\n"
    "kill pub and its subscribers.\n"
    "\n"
    "With --max-blocking-time a sub --reliable loses nothing: what it has not read is\n"
    "not overwritten; pub waits, for at most SECONDS a message, and then goes on without\n"
    "that sub, which reports it. A sub that was killed holds nothing up.\n"
    "\n"
    "With --schema each TEXT or line is a message in JSON, {\"bid\":1.5,\"ask\":2}, and\n"
    "the channel says what its fields are. Types are i8 to i64, u8 to u64, f16 to f64,\n"
    "bool, char[16] for a text of 16 bytes, f64[3] for an array and braces for a\n"
    "structure; a format string of Python (PEP 3118) will do as well. A name alone,\n"
    "acme.Text, describes nothing: messages are then as without --schema. A line that\n"
    "is no such message is reported and left out.\n"
    "\n"
    "With --raw each message of standard input follows its size, a number of four\n"
    "bytes, the lowest first; 'seqcast sub --raw' writes this format. An input that\n"
    "ends in the middle of a message, or a message that is too long, ends pub with 1.\n"
    "-n counts published messages, not those left out.\n"
    "\n"
    "Examples:\n"
    "  seqcast pub news 'hello' 'bye'              two messages\n"
    "  tail -f app.log | seqcast pub ./log         every line, into the file ./log\n"
    "  seqcast pub clock tick --repeat --rate 10   ten a second, until Ctrl-C\n"
    "  seqcast sub a --raw | seqcast pub b --raw   every byte from a to b";

} // namespace

void add_pub(CLI::App& app, Action& action) {
  auto settings = std::make_shared<PubSettings>();
  CLI::App& verb = add_verb(app, "pub", "Publish messages: arguments, or lines of standard input", pub_help);
  add_channel(verb, settings->channel);
  // Read by results(), as typed: into a variable CLI11 would read "{}" as nothing.
  settings->texts = verb.add_option("TEXT", "A message; -- before one that begins with a dash");
  settings->texts->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args();
  verb.add_flag("--raw", settings->raw, "Standard input is binary: each message after its size");
  verb.add_option("--rate", settings->rate, "Messages a second [as fast as possible]")
      ->transform(number("a number of messages a second, above 0", least_rate, most_rate))
      ->option_text("R");
  verb.add_option("-n,--count", settings->count, "End after this many messages")
      ->transform(whole_number())
      ->option_text("N");
  verb.add_flag("--repeat", settings->repeat, "Publish the TEXTs again and again");
  verb.add_option("--capacity", settings->options.capacity,
                  "Slots of a new channel, a power of two: how far a subscriber may fall behind")
      ->transform(power_of_two())
      ->option_text("N");
  verb.add_option("--size", settings->options.max_message_size,
                  "Bytes of the longest message of a new channel; 64K is 65536 (1024, or the longest TEXT)")
      ->transform(byte_count())
      ->option_text("BYTES");
  verb.add_option("--mode", settings->mode,
                  "Permissions of a new channel, in octal; 644 lets all users read [600]")
      ->transform(permissions())
      ->option_text("MODE");
  verb.add_option("--bell-mode", settings->options.bell_mode,
                  "Permissions of a new bell, through which those who may write it are woken [600]")
      ->transform(permissions())
      ->option_text("MODE");
  verb.add_option(
          "--wakeup", settings->wakeup,
          "How a new channel wakes subscribers: by its bell, by every-message, or not at all: polling [bell]")
      ->transform(one_of({"bell", "every-message", "polling"}))
      ->option_text("HOW");
  verb.add_option("--max-blocking-time", settings->max_blocking_time,
                  "How long a message waits for a sub --reliable that is too slow [it waits for nobody]")
      ->transform(number("a number of seconds, such as 0.5", 0, most_blocking_time))
      ->option_text("SECONDS");
  verb.add_option(
          "--schema", settings->schema,
          "What the messages are, which then are given in JSON: 'acme.Quote{bid:f64,ask:f64}'; a channel "
          "that describes its messages takes no others")
      ->option_text("SCHEMA");
  verb.add_flag("--replace", settings->options.replace, "Replace a channel that has other properties");
  verb.add_flag("--recreate", settings->recreate, "Make the channel anew when it is removed or replaced");
  verb.add_flag("-q,--quiet", settings->quiet, "No notes and no progress, only errors");
  on_parsed(verb, action, [settings](Console& console) {
    seqcast::PublisherOptions& options = settings->options;
    options.mode = settings->mode.value_or(options.mode);
    options.schema = settings->schema;
    if (settings->max_blocking_time) options.max_blocking_time = std::chrono::nanoseconds{0};
    for (const Wakeup wakeup : {Wakeup::bell, Wakeup::every_message, Wakeup::polling}) {
      if (settings->wakeup == word_of(wakeup)) options.wakeup = wakeup;
    }
    return publish(*settings, console);
  });
}

} // namespace cli
