// SPDX-License-Identifier: BSL-1.0
//
// send: channels of this machine into the network, each in a thread of its own.
#include "channel.hpp"
#include "link.hpp"
#include "messages.hpp"
#include "sender.hpp"
#include "table.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <thread>

namespace mirror {

namespace {

using namespace std::chrono_literals;

// How often others and new channels are looked for.
constexpr auto poll_interval = 100ms;
constexpr std::size_t most_sent = 1000;

struct SendSettings {
  LinkSettings link;
  std::int32_t strength = 0;
};

class Send {
 public:
  Send(const SendSettings& settings, cli::Console& console);

  cli::Exit run();

 private:
  struct Running {
    Sender sender;
    std::jthread thread;
  };

  void choose();
  void find_new();
  void start(const seqcast::Location& location);

  const SendSettings& settings_;
  cli::Console& console_;
  std::vector<seqcast::Location> locations_;
  std::vector<std::string> patterns_;
  WallClock clock_;
  Notes notes_;
  Participant participant_;
  Entity publisher_;
  Entity announcements_topic_;
  Entity announcing_;
  Entity subscriber_; // of DDS
  Announcements announcements_;
  std::list<Running> running_;
};

/// In the network: the last part of a path.
std::string network_name(const seqcast::Location& location) {
  const std::string& name = location.name();
  return name.substr(name.rfind('/') + 1); // 0 if there is no slash
}

Send::Send(const SendSettings& settings, cli::Console& console)
    : settings_{settings},
      console_{console},
      participant_{settings.link.domain, UINT64_MAX},
      publisher_{
          dds_create_publisher(participant_.get(), partition_qos(settings.link.partition).get(), nullptr),
          "send"},
      announcements_topic_{
          dds_create_topic(participant_.get(), &seqcast_Channel_desc, announcements_topic, nullptr, nullptr),
          "announce channels"},
      announcing_{
          dds_create_writer(publisher_.get(), announcements_topic_.get(), announcing_qos().get(), nullptr),
          "announce channels"},
      subscriber_{
          dds_create_subscriber(participant_.get(), partition_qos(settings.link.partition).get(), nullptr),
          "find out who else sends"},
      announcements_{participant_, subscriber_.get(), UINT64_MAX, [](const std::string&) { return true; },
                     notes_} {}

/// Tells names from patterns. Errors: throws Failure for a name that cannot be sent.
void Send::choose() {
  if (settings_.link.all) patterns_.emplace_back("*");
  for (const std::string& name : settings_.link.names) {
    const seqcast::Location location = cli::location_of(name);
    if (location.kind() == seqcast::Location::Kind::shared_memory && cli::is_pattern(location)) {
      patterns_.push_back(name);
      continue;
    }
    if (!is_valid_name(network_name(location))) {
      throw cli::Failure{cli::Exit::usage,
                         fmt::format("'{}' is no name of a channel in the network: one has 1 to {} bytes", name,
                                     longest_name)};
    }
    seqcast::Error none;
    const auto found = seqcast::Inspector::open(location, {.survive_truncation = true}, none);
    const auto refusal = found ? Sender::refusal_of(found->identity()) : std::nullopt;
    if (refusal) throw cli::Failure{cli::Exit::failure, fmt::format("cannot send '{}'. {}", name, *refusal)};
    if (std::ranges::find(locations_, location) == locations_.end()) locations_.push_back(location);
  }
}

void Send::start(const seqcast::Location& location) {
  const std::string name = network_name(location);
  const auto has_name = [&name](const Running& running) { return running.sender.name() == name; };
  if (std::ranges::any_of(running_, has_name)) {
    throw cli::Failure{
        cli::Exit::usage,
        fmt::format("two channels have the name '{}' in the network; send one of them in another "
                    "--partition",
                    name)};
  }
  const SendingSide side{participant_, publisher_.get(), announcing_.get(), announcements_,
                         clock_,       notes_,           settings_.strength};
  Running& running = running_.emplace_back(Running{Sender{side, location, name}, {}});
  running.thread = std::jthread{[&sender = running.sender](const std::stop_token& stop) { sender.run(stop); }};
}

/// Those in shared memory that match a pattern, but for mirrors.
void Send::find_new() {
  if (patterns_.empty()) return;
  seqcast::Error error;
  for (const seqcast::Location& location : seqcast::channels_in_shared_memory(error)) {
    const auto matches = [&](const std::string& pattern) {
      return cli::platform::matches(location.name(), pattern);
    };
    const auto is_sent = [&](const Running& running) { return running.sender.name() == location.name(); };
    if (std::ranges::none_of(patterns_, matches) || std::ranges::any_of(running_, is_sent)) continue;
    seqcast::Error none;
    const auto found = seqcast::Inspector::open(location, {.survive_truncation = true}, none);
    if (!found || Sender::refusal_of(found->identity()) || !is_valid_name(location.name())) continue;
    if (running_.size() < most_sent) {
      start(location);
    } else {
      notes_.complain_once(fmt::format("there are more than {} channels: the others are left out", most_sent));
    }
  }
  if (error) notes_.complain_once("cannot list the channels in shared memory: " + error.message());
}

cli::Exit Send::run() {
  choose();
  for (const seqcast::Location& location : locations_) start(location);
  while (!console_.stop().requested()) {
    announcements_.poll(0);
    find_new();
    notes_.print(console_);
    console_.stop().sleep_until(std::chrono::steady_clock::now() + poll_interval);
  }
  for (Running& running : running_) running.thread.request_stop();
  for (Running& running : running_) running.thread.join();
  notes_.print(console_);
  AccountTable table;
  for (const Running& running : running_)
    table.add(cli::printable(running.sender.name()), running.sender.account());
  if (!settings_.link.quiet) table.print(console_.out);
  return console_.stopped();
}

cli::Exit send(const SendSettings& settings, cli::Console& console) {
  check_names(settings.link);
  if (settings.link.quiet) console.be_quiet();
  return Send{settings, console}.run();
}

constexpr const char* send_help =
    "Sends each message of the channels, with its number, and again to those who come\n"
    "later as many as the channel has slots. 'seqcast-dds receive' makes channels of\n"
    "the same names of them, on any number of machines. A file has the last part of its\n"
    "path as its name. A channel that is not there yet is waited for; one that takes its\n"
    "place is sent in its place. Mirrors are left out, so --all makes no loops.\n"
    "\n"
    "The channel is read as by any subscriber: its publisher never waits, and what the\n"
    "network does not take in time is counted as lost.\n"
    "\n"
    "Two machines may send channels of one name: receivers take those of the greater\n"
    "--strength, and the other sender stands by. It takes over when that machine is\n"
    "silent for 5 s, or its publisher has been gone for 2 s.\n"
    "\n"
    "Examples:\n"
    "  seqcast-dds send quotes trades       two channels\n"
    "  seqcast-dds send 'md.*'              all that begin with md.\n"
    "  seqcast-dds send ./log --strength 10";

} // namespace

void add_send(CLI::App& app, cli::Action& action) {
  auto settings = std::make_shared<SendSettings>();
  CLI::App& verb = cli::add_verb(app, "send", "Send channels of this machine into the network", send_help);
  add_link(verb, settings->link,
           "A name in shared memory, a pattern such as 'md.*', or a file if it has a slash");
  verb.add_option("--strength", settings->strength,
                  "Which of several origins is received: the strongest, 0 to 255 [0]")
      ->transform(cli::whole_number(0, most_strength))
      ->option_text("N");
  cli::on_parsed(verb, action, [settings](cli::Console& console) { return send(*settings, console); });
}

} // namespace mirror
