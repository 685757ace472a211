// SPDX-License-Identifier: BSL-1.0
//
// pub: publishes its arguments, or what comes on standard input. The channel stays when it ends, with the last
// messages in it.
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

constexpr std::uint64_t default_size = 1024; // the library's

struct Settings {
  ChannelName channel;
  CLI::Option* texts = nullptr;
  bool raw = false;
  bool repeat = false;
  double rate = 0;
  std::uint64_t count = UINT64_MAX;
  seqcast::PublisherOptions options;
};

/// Where the messages come from.
class Source {
 public:
  virtual ~Source() = default;
  /// Until the next call; nothing at the end.
  virtual std::optional<std::string_view> next() = 0;
  /// How many could not be published.
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
  LineSource(Console& console, std::uint64_t longest)
      : console_{console}, lines_{console.stop(), longest}, longest_{longest} {}

  std::optional<std::string_view> next() override {
    for (;;) {
      const auto line = lines_.next();
      if (!line) return std::nullopt;
      ++number_;
      if (!line->too_long) return line->text;
      ++left_out_;
      console_.complain(fmt::format("line {} has {} bytes, the channel takes {}; left out (--size {} takes it)",
                                    number_, line->size, longest_, line->size));
    }
  }
  std::uint64_t left_out() const override {
    return left_out_;
  }

 private:
  Console& console_;
  Lines lines_;
  std::uint64_t longest_;
  std::uint64_t number_ = 0;
  std::uint64_t left_out_ = 0;
};

class FrameSource : public Source {
 public:
  FrameSource(const Stop& stop, std::uint64_t longest) : frames_{stop, longest} {}
  std::optional<std::string_view> next() override {
    return frames_.next();
  }

 private:
  Frames frames_;
};

/// What the user left open, where the channel is to be made: publish times, so that 'stat' can tell ages, and
/// room for the longest of the arguments. A channel that is there keeps what it has.
void complete(seqcast::PublisherOptions& options, const seqcast::Location& where, std::uint64_t longest) {
  std::error_code error;
  const auto found = seqcast::ByteSubscriber::open(where, {}, error);
  const bool same = found && found->capacity() == options.capacity.value_or(found->capacity()) &&
                    found->max_message_size() == options.max_message_size.value_or(found->max_message_size());
  if (same || (error != seqcast::Errc::no_channel && !options.replace)) return;
  options.timestamps = true;
  if (!options.max_message_size && longest > default_size && longest <= UINT32_MAX) {
    options.max_message_size = static_cast<std::uint32_t>(longest);
  }
}

seqcast::BytePublisher open(const Settings& settings, std::uint64_t longest) {
  const seqcast::Location where = settings.channel.location();
  seqcast::PublisherOptions options = settings.options;
  complete(options, where, longest);
  std::error_code error;
  auto publisher = seqcast::BytePublisher::open(where, options, error);
  if (publisher) return std::move(*publisher);
  // Another publisher may have made it since complete() looked.
  return seqcast::BytePublisher{where, settings.options};
}

std::unique_ptr<Source> source_of(const Settings& settings, const seqcast::BytePublisher& publisher,
                                  Console& console) {
  const std::vector<std::string>& texts = settings.texts->results();
  const std::uint64_t longest = publisher.max_message_size();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].size() <= longest) continue;
    throw Failure{Exit::failure,
                  fmt::format("TEXT {} has {} bytes, the channel takes {}; nothing was published. --replace "
                              "--size {} makes a channel that takes it",
                              i + 1, texts[i].size(), longest, texts[i].size())};
  }
  if (!texts.empty()) return std::make_unique<TextSource>(texts, settings.repeat);
  if (platform::is_terminal(platform::Standard::input) && console.err.terminal()) {
    console.note("each line that you type is a message; Ctrl-D ends");
  }
  if (settings.raw) return std::make_unique<FrameSource>(console.stop(), longest);
  return std::make_unique<LineSource>(console, longest);
}

/// How far it is, where somebody looks and does not type.
class Progress {
 public:
  Progress(Console& console, bool typing) : console_{console}, shown_{console.err.terminal() && !typing} {}
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

Exit publish(const Settings& settings, Console& console) {
  const std::vector<std::string>& texts = settings.texts->results();
  if (!texts.empty() && settings.raw) throw Failure{Exit::usage, "--raw is for standard input; leave TEXT out"};
  if (texts.empty() && settings.repeat) throw Failure{Exit::usage, "--repeat needs a TEXT to repeat"};
  std::uint64_t longest = 0;
  for (const std::string& text : texts) longest = std::max<std::uint64_t>(longest, text.size());

  seqcast::BytePublisher publisher = open(settings, longest);
  const auto source = source_of(settings, publisher, console);
  const bool typing = texts.empty() && platform::is_terminal(platform::Standard::input);
  Progress progress{console, typing};
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

constexpr const char* footer =
    "Each TEXT is a message; without one, each line of standard input is, without\n"
    "its newline. A line that is longer than the channel takes is left out, named on\n"
    "standard error, and makes the exit status 1 at the end.\n"
    "\n"
    "The channel stays when pub ends, with its last messages in it (as many as\n"
    "--capacity says, less one), for 'seqcast sub --from oldest'. The next pub goes\n"
    "on with the next number. 'seqcast rm' removes it.\n"
    "\n"
    "What is piped through --raw has four bytes before each message, which say its\n"
    "size, the lowest first; 'seqcast sub --raw' writes that. An input that ends in\n"
    "the middle of a message, or a message that is too long, ends pub with 1.\n"
    "\n"
    "Examples:\n"
    "  seqcast pub news 'hello' 'bye'              two messages\n"
    "  tail -f app.log | seqcast pub ./log         every line, into the file ./log\n"
    "  seqcast pub clock tick --repeat --rate 10   ten a second, until Ctrl-C\n"
    "  seqcast sub a --raw | seqcast pub b --raw   every byte from a to b";

} // namespace

void add_pub(CLI::App& app, Action& action) {
  auto settings = std::make_shared<Settings>();
  CLI::App& verb = add_verb(app, "pub", "Publish messages: arguments, or lines of standard input", footer);
  add_channel(verb, settings->channel);
  // Read by results(), as typed: for a variable "{}" would be nothing.
  settings->texts = verb.add_option("TEXT", "A message; -- before one that begins with a dash");
  settings->texts->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args();
  verb.add_flag("--raw", settings->raw, "Standard input is binary, each message after its size");
  verb.add_option("--rate", settings->rate, "Messages a second; without it as fast as they come")
      ->check(CLI::Validator{[](std::string& text) { return above_zero(text); }, ""})
      ->option_text("R");
  verb.add_option("--count", settings->count, "End after this many messages")->option_text("N");
  verb.add_flag("--repeat", settings->repeat, "Publish the TEXTs over and over");
  verb.add_option("--capacity", settings->options.capacity,
                  "Slots of a new channel, a power of two: how far a subscriber may fall behind")
      ->check(CLI::Validator{[](std::string& text) { return power_of_two(text); }, ""})
      ->option_text("N");
  verb.add_option("--size", settings->options.max_message_size,
                  "Bytes of the longest message of a new channel; 64K is 65536 (1024, or the longest TEXT)")
      ->transform(CLI::AsSizeValue{false})
      ->option_text("BYTES");
  verb.add_flag("--replace", settings->options.replace,
                "Put a new channel in the place of one with another size or capacity");
  on_parsed(verb, action, [settings](Console& console) { return publish(*settings, console); });
}

} // namespace cli
