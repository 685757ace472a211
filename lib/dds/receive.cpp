// SPDX-License-Identifier: BSL-1.0
//
// receive: channels of other machines as channels of this one, each in a thread of its own.
#include "channel.hpp"
#include "link.hpp"
#include "messages.hpp"
#include "receiver.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <thread>

namespace mirror {

namespace {

constexpr dds_duration_t look_interval = DDS_MSECS(100); // how long a stop may have to wait
constexpr std::size_t most_received = 1000;
constexpr std::uint64_t most_largest_channel = std::uint64_t{1} << 46; // 64 TiB

struct ReceiveSettings {
  LinkSettings link;
  FarSettings far;
};

class Receive {
 public:
  Receive(const ReceiveSettings& settings, cli::Console& console);

  cli::Exit run();

 private:
  struct Running {
    std::string name;
    Receiver receiver;
    std::jthread thread;
  };

  bool is_wanted(const std::string& name) const;
  void start(const std::string& name);

  const ReceiveSettings& settings_;
  cli::Console& console_;
  WallClock clock_;
  Notes notes_;
  Participant participant_;
  Entity subscriber_;
  Announcements announcements_;
  std::list<Running> running_;
};

Receive::Receive(const ReceiveSettings& settings, cli::Console& console)
    : settings_{settings},
      console_{console},
      participant_{settings.link.domain, settings.far.largest_channel},
      subscriber_{
          dds_create_subscriber(participant_.get(), partition_qos(settings.link.partition).get(), nullptr),
          "receive"},
      announcements_{participant_, subscriber_.get(), settings.far.largest_channel,
                     [this](const std::string& name) { return is_wanted(name); }, notes_} {}

bool Receive::is_wanted(const std::string& name) const {
  if (settings_.link.all) return true;
  return std::ranges::any_of(settings_.link.names, [&name](const std::string& wanted) {
    const bool pattern = cli::is_pattern(seqcast::shared_memory(wanted));
    return wanted == name || (pattern && cli::platform::matches(name, wanted));
  });
}

void Receive::start(const std::string& name) {
  const auto has_name = [&name](const Running& running) { return running.name == name; };
  if (std::ranges::any_of(running_, has_name)) return;
  if (running_.size() >= most_received) {
    notes_.complain_once(fmt::format("more than {} channels are sent: the others are left out", most_received));
    return;
  }
  const ReceivingSide side{participant_, subscriber_.get(), announcements_, clock_, notes_, settings_.far};
  Running& running = running_.emplace_back(Running{name, Receiver{side, name}, {}});
  running.thread =
      std::jthread{[&receiver = running.receiver](const std::stop_token& stop) { receiver.run(stop); }};
}

cli::Exit Receive::run() {
  while (!console_.stop().requested()) {
    for (const std::string& name : announcements_.poll(look_interval)) start(name);
    notes_.print(console_);
  }
  for (Running& running : running_) running.thread.request_stop();
  for (Running& running : running_) running.thread.join();
  notes_.print(console_);
  AccountTable table;
  for (const Running& running : running_)
    table.add(cli::printable(cli::to_name(running.receiver.location())), running.receiver.account());
  if (!settings_.link.quiet) table.print(console_.out);
  return console_.stopped();
}

cli::Exit receive(const ReceiveSettings& settings, cli::Console& console) {
  check_names(settings.link);
  for (const std::string& name : settings.link.names) {
    if (is_valid_name(name)) continue;
    throw cli::Failure{
        cli::Exit::usage,
        fmt::format("'{}' is no name of a channel in the network: one has no slash, and 1 to {} bytes. "
                    "--prefix with a slash makes files",
                    name, longest_name)};
  }
  if (settings.link.quiet) console.be_quiet();
  return Receive{settings, console}.run();
}

constexpr const char* receive_help =
    "Makes channels of the same names, properties and schemas as those that 'seqcast-dds\n"
    "send' sends from other machines, for any subscriber of this one. Messages have the\n"
    "numbers, times and epochs of the origin; what was lost on the way is a gap, which\n"
    "subscribers count as lost. A receiver that is started again goes on where its\n"
    "channel stands; what was sent meanwhile comes, as far back as the channel has slots.\n"
    "\n"
    "A channel is made when its first message comes. It is closed while its origin has no\n"
    "publisher, or no sender. Nobody else can publish into it. When another machine takes\n"
    "over, a new channel replaces it: 'seqcast sub' goes on with that.\n"
    "\n"
    "Whoever can send to this network can send channels: see lib/docs/mirror.md about\n"
    "security. None larger than --largest-channel is made, none replaces a channel that\n"
    "is no mirror unless --replace is given, and at most 1000 are received.\n"
    "\n"
    "Examples:\n"
    "  seqcast-dds receive quotes trades\n"
    "  seqcast-dds receive --all --prefix far.     far.quotes of quotes";

} // namespace

void add_receive(CLI::App& app, cli::Action& action) {
  auto settings = std::make_shared<ReceiveSettings>();
  CLI::App& verb = cli::add_verb(app, "receive", "Mirror channels of other machines", receive_help);
  add_link(verb, settings->link, "A name in the network, or a pattern such as 'md.*'");
  verb.add_option("--prefix", settings->far.prefix, "What to put before each name; with a slash it makes files")
      ->option_text("TEXT");
  verb.add_option("--largest-channel", settings->far.largest_channel, "Bytes that a channel may take [1G]")
      ->transform(cli::byte_count(most_largest_channel))
      ->option_text("BYTES");
  verb.add_flag("--replace", settings->far.replace, "Put mirrors in the place of other channels, too");
  cli::on_parsed(verb, action, [settings](cli::Console& console) { return receive(*settings, console); });
}

} // namespace mirror
