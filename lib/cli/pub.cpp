// SPDX-License-Identifier: BSL-1.0
//
// pub: publishes its arguments, or standard input. The channel and its last messages stay when pub ends.
#include "channel.hpp"
#include "input.hpp"
#include "verb.hpp"

#include <fmt/format.h>
#include <CLI/App.hpp>
#include <algorithm>
#include <bit>
#include <seqcast/seqcast.hpp>

namespace cli {

namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t default_size = 1024; // of the library

struct PubSettings {
  ChannelName channel;
  CLI::Option* texts = nullptr;
  bool raw = false;
  bool repeat = false;
  double rate = 0;
  std::uint64_t count = UINT64_MAX;
  seqcast::PublisherOptions options;
};

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
  LineSource(Console& console, std::uint64_t max_size)
      : console_{console}, lines_{console.stop(), max_size}, max_size_{max_size} {}

  std::optional<std::string_view> next() override {
    for (;;) {
      const auto line = lines_.next();
      if (!line) return std::nullopt;
      ++number_;
      if (!line->too_long) return line->text;
      ++left_out_;
      console_.complain(fmt::format("line {} has {} bytes, the channel takes {}; left out (--size {} takes it)",
                                    number_, line->size, max_size_, line->size));
    }
  }
  std::uint64_t left_out() const override {
    return left_out_;
  }

 private:
  Console& console_;
  Lines lines_;
  std::uint64_t max_size_;
  std::uint64_t number_ = 0;
  std::uint64_t left_out_ = 0;
};

class FrameSource : public Source {
 public:
  FrameSource(const Stop& stop, std::uint64_t max_size) : frames_{stop, max_size} {}
  std::optional<std::string_view> next() override {
    return frames_.next();
  }

 private:
  Frames frames_;
};

/// Completes the options for a channel that will be created: timestamps, so that stat can show ages, and room
/// for the longest argument. An existing channel keeps its properties.
void complete(seqcast::PublisherOptions& options, const seqcast::Location& location, std::uint64_t longest) {
  seqcast::Error error;
  const auto existing = seqcast::ByteSubscriber::open(location, {}, error);
  const bool suitable =
      existing && existing->capacity() == options.capacity.value_or(existing->capacity()) &&
      existing->max_message_size() == options.max_message_size.value_or(existing->max_message_size());
  if (suitable || (error != seqcast::Errc::no_channel && !options.replace)) return;
  options.timestamps = true;
  if (!options.max_message_size && longest > default_size && longest <= UINT32_MAX) {
    options.max_message_size = static_cast<std::uint32_t>(longest);
  }
}

seqcast::BytePublisher open_publisher(const PubSettings& settings, std::uint64_t longest) {
  const seqcast::Location location = settings.channel.location();
  seqcast::PublisherOptions options = settings.options;
  complete(options, location, longest);
  seqcast::Error error;
  auto publisher = seqcast::BytePublisher::open(location, options, error);
  if (publisher) return std::move(*publisher);
  // Another publisher may have created it since complete().
  return seqcast::BytePublisher{location, settings.options};
}

std::unique_ptr<Source> source_of(const PubSettings& settings, const seqcast::BytePublisher& publisher,
                                  Console& console) {
  const std::vector<std::string>& texts = settings.texts->results();
  const std::uint64_t max_size = publisher.max_message_size();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].size() <= max_size) continue;
    throw Failure{Exit::failure,
                  fmt::format("TEXT {} has {} bytes, the channel takes {}; nothing was published. --replace "
                              "--size {} creates a channel that takes it",
                              i + 1, texts[i].size(), max_size, texts[i].size())};
  }
  if (!texts.empty()) return std::make_unique<TextSource>(texts, settings.repeat);
  if (platform::is_terminal(platform::Standard::input) && console.err.terminal()) {
    console.note("each line that you type is a message; Ctrl-D ends");
  }
  if (settings.raw) return std::make_unique<FrameSource>(console.stop(), max_size);
  return std::make_unique<LineSource>(console, max_size);
}

/// The number and rate of messages, on a terminal, unless the user types them.
class PubProgress {
 public:
  PubProgress(Console& console, bool typing) : console_{console}, shown_{console.err.terminal() && !typing} {}
  void show(std::uint64_t published) {
    if (!shown_ || !console_.progress_due()) return;
    const std::chrono::duration<double> passed = steady_clock::now() - begin_;
    console_.progress(fmt::format("{} messages published, {:.0f} a second", published,
                                  static_cast<double>(published) / passed.count()));
  }

 private:
  Console& console_;
  bool shown_;
  steady_clock::time_point begin_ = steady_clock::now();
};

Exit publish(const PubSettings& settings, Console& console) {
  const std::vector<std::string>& texts = settings.texts->results();
  if (!texts.empty() && settings.raw) throw Failure{Exit::usage, "--raw is for standard input, without a TEXT"};
  if (texts.empty() && settings.repeat) throw Failure{Exit::usage, "--repeat needs a TEXT to repeat"};
  std::uint64_t longest = 0;
  for (const std::string& text : texts) longest = std::max<std::uint64_t>(longest, text.size());

  seqcast::BytePublisher publisher = open_publisher(settings, longest);
  const auto source = source_of(settings, publisher, console);
  const bool typing = texts.empty() && platform::is_terminal(platform::Standard::input);
  PubProgress progress{console, typing};
  const auto begin = steady_clock::now();
  std::uint64_t published = 0;
  while (published < settings.count && !console.stop().requested()) {
    const auto message = source->next();
    if (!message) break;
    publisher.publish(*message);
    ++published;
    progress.show(published);
    if (settings.rate > 0 && published < settings.count) {
      const std::chrono::duration<double> due{static_cast<double>(published) / settings.rate};
      console.stop().sleep_until(begin + std::chrono::duration_cast<std::chrono::nanoseconds>(due));
    }
  }
  console.end_progress();
  if (console.stop().requested()) return console.stopped();
  return source->left_out() == 0 ? Exit::ok : Exit::failure;
}

std::string power_of_two(const std::string& text) {
  std::uint64_t number = 0;
  if (!CLI::detail::lexical_cast(text, number) || number > (std::uint64_t{1} << 40)) return {};
  if (number >= 2 && std::has_single_bit(number)) return {};
  const std::uint64_t above = std::bit_ceil(std::max<std::uint64_t>(number, 2));
  return fmt::format("{} is no power of two; {} is", number, above);
}

std::string above_zero(const std::string& text) {
  double number = 0;
  return CLI::detail::lexical_cast(text, number) && number > 0 ? "" : text + " is no number above 0";
}

constexpr const char* pub_help =
    "Each TEXT is a message; without a TEXT, each line of standard input is one,\n"
    "without its newline. A line that is too long for the channel is reported on\n"
    "standard error and left out; the exit status is then 1.\n"
    "\n"
    "The channel stays when pub ends, with its last messages in it (--capacity less\n"
    "one), for 'seqcast sub --from oldest'. The next pub continues with the next\n"
    "number. 'seqcast rm' removes the channel.\n"
    "\n"
    "With --raw each message of standard input follows its size, a number of four\n"
    "bytes, the lowest first; 'seqcast sub --raw' writes this format. An input that\n"
    "ends in the middle of a message, or a message that is too long, ends pub with 1.\n"
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
      ->check(CLI::Validator{[](std::string& text) { return above_zero(text); }, ""})
      ->option_text("R");
  verb.add_option("--count", settings->count, "End after this many messages")->option_text("N");
  verb.add_flag("--repeat", settings->repeat, "Publish the TEXTs again and again");
  verb.add_option("--capacity", settings->options.capacity,
                  "Slots of a new channel, a power of two: how far a subscriber may fall behind")
      ->check(CLI::Validator{[](std::string& text) { return power_of_two(text); }, ""})
      ->option_text("N");
  verb.add_option("--size", settings->options.max_message_size,
                  "Bytes of the longest message of a new channel; 64K is 65536 (1024, or the longest TEXT)")
      ->transform(CLI::AsSizeValue{false})
      ->option_text("BYTES");
  verb.add_flag("--replace", settings->options.replace, "Replace a channel that has another size or capacity");
  on_parsed(verb, action, [settings](Console& console) { return publish(*settings, console); });
}

} // namespace cli
