// SPDX-License-Identifier: BSL-1.0
//
// endpoint: the two ends of a mirrored channel. The origin publishes messages that can be checked by
// themselves; the subscriber, on any host, checks each of them and keeps an account. mirror_test.py starts them.
//
//     mirror_endpoint origin CHANNEL TAG [OPTION=VALUE...]    with the options of origin_options()
//     mirror_endpoint subscriber CHANNEL LARGEST              waits for the channel to appear; LARGEST is the
//                                                             origin's max_message_size, or 0: any bytes
//     mirror_endpoint identity CHANNEL                        prints what the channel is
//     mirror_endpoint list CHANNEL                            prints SEQUENCE TIME_NS SIZE HASH (FNV-1a)
//
// Commands are lines on stdin, each answered with one line on stdout. The origin answers with its head:
//     publish COUNT    as fast as it can
//     run              publishes a message now and then, up to the next command
//     skip COUNT
//     close            and ends; so does the end of stdin
// The subscriber:
//     await sequence N | tag TAG | state STATE    answers when that has come, however long it takes
//     account                                     as JSON, see Subscriber::account()
//
// What a message carries: its sequence, and if there is room the tag of the origin, its epoch, and when the
// message before it was published; all other bytes depend on these.
#include "support/checked_payload.hpp"

#include <seqcast/seqcast.hpp>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <poll.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;

/// What is in a message behind its sequence.
struct Stamp {
  std::uint64_t tag = 0;            ///< of the origin
  std::uint64_t epoch = 0;          ///< its number
  std::uint64_t first_sequence = 0; ///< of the epoch
  std::int64_t previous_at =
      0; ///< when message `sequence - 1` was published, by the origin's clock; 0: unknown
};
constexpr std::size_t stamp_at = 8, pattern_at = stamp_at + sizeof(Stamp);

/// Every size from none to the largest, by the sequence alone; most are small.
std::size_t size_of(std::uint64_t sequence, std::size_t largest) {
  const std::uint64_t random = test::payload_word(sequence, largest, 1);
  switch (random % 16) {
    case 0:
      return std::min<std::size_t>(largest, random / 16 % 2 == 0 ? 0 : 8);
    case 1:
      return std::min<std::size_t>(largest, random / 16 % 64);
    case 2:
      return largest;
    case 3:
      return random / 16 % (largest + 1);
    default:
      return std::min<std::size_t>(largest, pattern_at + random / 16 % 200);
  }
}

std::uint64_t seed_of(const Stamp& stamp) {
  return stamp.tag + 3 * stamp.epoch + 5 * stamp.first_sequence +
         7 * static_cast<std::uint64_t>(stamp.previous_at);
}

void fill(std::span<std::byte> message, std::uint64_t sequence, const Stamp& stamp) {
  test::fill_payload(message.first(std::min(message.size(), stamp_at)), sequence);
  if (message.size() < pattern_at) {
    if (message.size() > stamp_at) test::fill_payload(message.subspan(stamp_at), sequence, 1);
    return;
  }
  std::memcpy(message.data() + stamp_at, &stamp, sizeof stamp);
  test::fill_payload(message.subspan(pattern_at), sequence, seed_of(stamp));
}

/// Whether fill() makes these bytes; and the stamp if there is one.
bool is_whole(std::span<const std::byte> message, std::uint64_t sequence, std::optional<Stamp>& stamp) {
  stamp.reset();
  if (!test::is_whole(message.first(std::min(message.size(), stamp_at)), sequence)) return false;
  if (message.size() <= stamp_at) return true;
  if (message.size() < pattern_at) return test::is_whole(message.subspan(stamp_at), sequence, 1);
  stamp.emplace();
  std::memcpy(&*stamp, message.data() + stamp_at, sizeof *stamp);
  return test::is_whole(message.subspan(pattern_at), sequence, seed_of(*stamp));
}

seqcast::Location location_of(const std::string& name) {
  return name.find('/') == std::string::npos ? seqcast::shared_memory(name) : seqcast::file(name);
}

/// The lines of stdin.
class Commands {
 public:
  /// The next one, if it comes within that time (-1: however long it takes); "close" at the end.
  std::optional<std::string> next(int milliseconds) {
    for (;;) {
      const std::size_t end = text_.find('\n');
      if (end != std::string::npos) {
        const std::string line = text_.substr(0, end);
        text_.erase(0, end + 1);
        return line;
      }
      if (ended_) return "close";
      struct pollfd polled {
        STDIN_FILENO, POLLIN, 0
      };
      if (::poll(&polled, 1, milliseconds) <= 0) return std::nullopt;
      char more[4096];
      const ssize_t size = ::read(STDIN_FILENO, more, sizeof more);
      if (size > 0) text_.append(more, static_cast<std::size_t>(size));
      ended_ = size <= 0;
    }
  }

 private:
  std::string text_;
  bool ended_ = false;
};

void answer(const std::string& line) {
  std::cout << line << std::endl;
}

/// OPTION=VALUE...: as seqcast::PublisherOptions.
seqcast::PublisherOptions origin_options(char** begin, char** end) {
  seqcast::PublisherOptions options{.timestamps = true, .gaps = true, .replace = true};
  for (char** argument = begin; argument != end; ++argument) {
    const std::string option = *argument;
    const std::size_t equal = std::min(option.find('='), option.size() - 1);
    const std::string name = option.substr(0, equal);
    const char* const value = *argument + equal + 1;
    const auto number = static_cast<std::uint32_t>(std::strtoul(value, nullptr, 10));
    if (name == "capacity") {
      options.capacity = number;
    } else if (name == "max_message_size") {
      options.max_message_size = number;
    } else if (name == "message_alignment") {
      options.message_alignment = number;
    } else if (name == "schema") {
      options.schema = value;
    } else if (name == "timestamps") {
      options.timestamps = number != 0;
    } else if (name == "copy_behind") {
      options.copy_behind = number != 0;
    } else if (name == "wakeup") {
      options.wakeup = static_cast<seqcast::Wakeup>(number);
    } else {
      throw std::invalid_argument{"there is no option " + option};
    }
  }
  return options;
}

class Origin {
 public:
  Origin(const seqcast::Location& location, std::uint64_t tag, const seqcast::PublisherOptions& options)
      : publisher_{location, options}, own_{location}, fixed_size_{own_.schema().root().size > 0}, tag_{tag} {}

  void run() {
    Commands commands;
    answer(std::to_string(publisher_.head()));
    for (bool running = false;;) {
      const auto line = commands.next(running ? 1 : -1);
      if (!line) {
        publish();
        continue;
      }
      std::istringstream words{*line};
      std::string verb;
      std::uint64_t count = 0;
      words >> verb >> count;
      running = verb == "run";
      if (verb == "close") return;
      if (verb == "publish") {
        for (std::uint64_t i = 0; i < count; ++i) publish();
      }
      if (verb == "skip") publisher_.skip(count);
      answer(std::to_string(publisher_.head()));
    }
  }

 private:
  void publish() {
    const std::uint64_t sequence = publisher_.head() + 1;
    const std::size_t largest = publisher_.max_message_size();
    buffer_.resize(fixed_size_ ? largest : size_of(sequence, largest));
    const seqcast::Epoch epoch = publisher_.epoch();
    fill(buffer_, sequence, {tag_, epoch.number, epoch.first_sequence, previous_at()});
    publisher_.publish(buffer_);
  }

  /// When message head was published.
  std::int64_t previous_at() {
    const auto newest = own_.latest_view();
    if (!newest || newest->sequence != publisher_.head() || !newest->published_at) return 0;
    return newest->published_at->time_since_epoch() / 1ns;
  }

  seqcast::BytePublisher publisher_;
  seqcast::ByteSubscriber own_;
  bool fixed_size_; // by the channel's schema
  std::uint64_t tag_;
  std::vector<std::byte> buffer_;
};

class Subscriber {
 public:
  Subscriber(const seqcast::Location& location, std::size_t largest)
      : subscriber_{location,
                    {.start = seqcast::StartPosition::oldest,
                     .resume = seqcast::ResumePosition::oldest,
                     .open_timeout = 1h}},
        largest_{largest} {
    begin();
  }

  void run() {
    Commands commands;
    std::optional<std::string> awaited;
    for (;;) {
      read();
      if (awaited && !holds(*awaited)) continue;
      if (awaited) answer(*std::exchange(awaited, std::nullopt));
      const auto line = commands.next(0);
      if (!line) continue;
      if (*line == "close") return;
      if (*line == "account") {
        answer(account());
      } else {
        awaited = line->substr(line->find(' ') + 1);
      }
    }
  }

 private:
  /// Of one region: a replaced one has another account.
  struct Account {
    std::uint64_t before = 0; // the first messages that were gone already when this subscriber came
    std::uint64_t received = 0, lost = 0, first = 0, last = 0, bytes = 0;
    std::uint64_t tag = 0, epoch = 0;              // of the last message that had a stamp
    std::uint64_t epochs_unknown = 0;              // see check_epoch()
    std::uint64_t time_pairs = 0, time_shifts = 0; // see check_time()
    std::int64_t shift_ns = 0;
  };

  void begin() {
    accounts_.push_back({.before = subscriber_.cursor()});
    previous_at_.reset();
    fixed_size_ = subscriber_.schema().root().size > 0;
  }

  void read() {
    if (const auto message = subscriber_.next_for(5ms)) return check(*message);
    if (subscriber_.error()) complain(0, subscriber_.error().message());
    if (subscriber_.wait_result() != seqcast::WaitResult::superseded) return;
    while (const auto message = subscriber_.next()) check(*message);
    seqcast::Error error;
    while (!subscriber_.reopen(error)) std::this_thread::yield(); // its successor may not be there yet
    begin();
  }

  void check(const seqcast::ReceivedBytes& message) {
    Account& now = accounts_.back();
    const std::uint64_t previous = now.received == 0 ? now.before : now.last;
    if (message.sequence <= previous) complain(message.sequence, "is not above the one before");
    if (message.sequence != previous + 1 + message.lost) complain(message.sequence, "lost is wrong");
    now.received += 1;
    now.lost += message.lost;
    now.last = message.sequence;
    now.bytes += message.message.size();
    if (now.first == 0) now.first = message.sequence;
    if (largest_ > 0) check_bytes(message, now);
    previous_at_ = message.published_at;
  }

  void check_bytes(const seqcast::ReceivedBytes& message, Account& now) {
    if (message.message.size() != (fixed_size_ ? largest_ : size_of(message.sequence, largest_)))
      complain(message.sequence, "the size is wrong");
    std::optional<Stamp> stamp;
    if (!is_whole(message.message, message.sequence, stamp))
      return complain(message.sequence, "the bytes are wrong");
    if (!stamp) return;
    if (now.tag != 0 && stamp->tag != now.tag) complain(message.sequence, "is of another origin");
    now.tag = stamp->tag;
    if (stamp->epoch < now.epoch) complain(message.sequence, "the epoch goes back");
    now.epoch = stamp->epoch;
    check_epoch(message.sequence, *stamp, now);
    if (message.lost == 0 && stamp->previous_at != 0 && previous_at_) check_time(*stamp, now);
  }

  /// The channel's epoch is the message's, or a later one that began behind it. It is not known of messages that
  /// were published before the epoch that a sender came in, or if it changes all the time.
  void check_epoch(std::uint64_t sequence, const Stamp& stamp, Account& now) {
    const std::optional<seqcast::Epoch> epoch = subscriber_.epoch();
    if (!epoch || epoch->number == 0) return static_cast<void>(++now.epochs_unknown);
    const bool same = epoch->number == stamp.epoch && epoch->first_sequence == stamp.first_sequence;
    const bool later = epoch->number > stamp.epoch && epoch->first_sequence > sequence;
    if (!same && !later) complain(sequence, "the epoch is wrong");
  }

  /// Publish times here are those of the origin, shifted by one and the same time until one of the two programs
  /// in between is started again.
  void check_time(const Stamp& stamp, Account& now) {
    const std::int64_t shift = previous_at_->time_since_epoch() / 1ns - stamp.previous_at;
    if (now.time_pairs > 0 && shift != now.shift_ns) ++now.time_shifts;
    ++now.time_pairs;
    now.shift_ns = shift;
  }

  /// "sequence N", "tag TAG" or "state STATE".
  bool holds(const std::string& condition) {
    std::istringstream words{condition};
    std::string name, value;
    words >> name >> value;
    if (name == "state") {
      if (seqcast::to_string(subscriber_.state()) != value) return false;
      while (const auto message = subscriber_.next()) check(*message); // published before
      return true;
    }
    const std::uint64_t number = std::stoull(value);
    if (name == "sequence") return subscriber_.cursor() >= number;
    if (name == "tag") return accounts_.back().tag == number;
    throw std::invalid_argument{"what is " + condition + "?"};
  }

  std::string account() {
    std::ostringstream json;
    json << "{\"channels\": [";
    for (const Account& one : accounts_) {
      json << (&one == &accounts_.front() ? "" : ", ") << "{\"before\": " << one.before
           << ", \"received\": " << one.received << ", \"lost\": " << one.lost << ", \"first\": " << one.first
           << ", \"last\": " << one.last << ", \"bytes\": " << one.bytes << ", \"tag\": " << one.tag
           << ", \"epoch\": " << one.epoch << ", \"epochs_unknown\": " << one.epochs_unknown
           << ", \"time_pairs\": " << one.time_pairs << ", \"time_shifts\": " << one.time_shifts
           << ", \"shift_ns\": " << one.shift_ns << "}";
    }
    json << "], \"head\": " << subscriber_.cursor() + subscriber_.lag() << ", \"wrong\": " << wrong_
         << ", \"complaints\": \"" << complaints_ << "\"}";
    return json.str();
  }

  void complain(std::uint64_t sequence, const std::string& what) {
    if (++wrong_ > 10) return;
    complaints_ += "message " + std::to_string(sequence) + ": " + what + "; ";
  }

  seqcast::ByteSubscriber subscriber_;
  std::size_t largest_;
  bool fixed_size_ = false; // by the channel's schema
  std::vector<Account> accounts_;
  std::optional<std::chrono::steady_clock::time_point> previous_at_{};
  std::uint64_t wrong_ = 0;
  std::string complaints_;
};

void print_identity(const seqcast::Location& location) {
  const seqcast::Inspector inspector{location};
  const seqcast::ChannelIdentity& identity = inspector.identity();
  std::cout << "capacity " << identity.capacity << "\nmax_message_size " << identity.max_message_size
            << "\nmessage_alignment " << identity.message_alignment << "\ntimestamps " << identity.timestamps
            << "\ncopy_behind " << identity.copy_behind << "\nwakeup " << seqcast::to_string(identity.wakeup)
            << "\nschema " << inspector.schema().text() << "\nschema_tag " << identity.schema_tag << '\n';
}

void list(const seqcast::Location& location) {
  seqcast::ByteSubscriber subscriber{location, {.start = seqcast::StartPosition::oldest}};
  while (const auto message = subscriber.next()) {
    std::uint64_t hash = 14695981039346656037u;
    for (const std::byte byte : message->message)
      hash = (hash ^ std::to_integer<unsigned>(byte)) * 1099511628211u;
    const std::int64_t time_ns = message->published_at ? message->published_at->time_since_epoch() / 1ns : 0;
    std::printf("%llu %lld %zu %016llx\n", static_cast<unsigned long long>(message->sequence),
                static_cast<long long>(time_ns), message->message.size(),
                static_cast<unsigned long long>(hash));
  }
}

int run(int argc, char** argv) {
  const std::string verb = argc < 3 ? "" : argv[1];
  const seqcast::Location location = location_of(argc < 3 ? "" : argv[2]);
  if (verb == "origin" && argc >= 4) {
    Origin{location, std::stoull(argv[3]), origin_options(argv + 4, argv + argc)}.run();
  } else if (verb == "subscriber" && argc >= 4) {
    Subscriber{location, std::stoull(argv[3])}.run();
  } else if (verb == "identity") {
    print_identity(location);
  } else if (verb == "list") {
    list(location);
  } else {
    std::fprintf(stderr, "usage: mirror_endpoint origin|subscriber|identity|list CHANNEL ...\n");
    return 2;
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "mirror_endpoint: %s\n", failure.what());
    return 1;
  }
}
