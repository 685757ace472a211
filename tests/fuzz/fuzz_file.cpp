// SPDX-License-Identifier: BSL-1.0
#include "fuzz_file.hpp"

#include <seqcast/seqcast.hpp>

#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

namespace fuzz {

namespace {

using namespace std::chrono_literals;

using Message = std::array<std::uint64_t, 3>;

/// One file on a tmpfs, used again for every input.
class File {
 public:
  File() {
    char folder[] = "/dev/shm/seqcast-fuzz-XXXXXX";
    require(::mkdtemp(folder) != nullptr, "a folder");
    folder_ = folder;
    std::atexit([] { instance().clean_up(); });
  }
  static File& instance() {
    static File& file = *new File;
    return file;
  }
  std::string path() const {
    return folder_ + "/region";
  }
  void write(std::span<const std::byte> bytes) const {
    ::unlink(path().c_str());
    ::unlink((path() + ".bell").c_str());
    const int id = ::open(path().c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(id >= 0 && ::write(id, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "a file");
    ::close(id);
  }

 private:
  void clean_up() const {
    ::unlink(path().c_str());
    ::unlink((path() + ".bell").c_str());
    ::rmdir(folder_.c_str());
  }
  std::string folder_;
};

/// What a subscriber of either kind has had, and whether it may be so.
class Account {
 public:
  template <class Subscriber>
  void check(const Subscriber& subscriber, const seqcast::Delivery& delivery, bool is_next, std::size_t size) {
    require(size <= subscriber.max_message_size(), "a size is bounded");
    require(delivery.sequence == subscriber.cursor() || (!is_next && delivery.sequence < subscriber.cursor()),
            "the cursor is the sequence, or behind gaps above it");
    if (is_next) require(delivery.sequence == previous_ + 1 + delivery.lost, "nothing uncounted");
    previous_ = delivery.sequence;
  }
  explicit Account(std::uint64_t cursor) : previous_{cursor} {}

 private:
  std::uint64_t previous_;
};

std::size_t size_of(const seqcast::ReceivedBytes& received) {
  return received.message.size();
}
std::size_t size_of(const seqcast::Received<Message>& received) {
  return sizeof received.message;
}

template <class Subscriber>
void use_all_calls(Subscriber& subscriber) {
  subscriber.state();
  subscriber.epoch();
  subscriber.publisher_alive();
  require(subscriber.lag() <= (std::uint64_t{1} << 62), "lag is bounded");
  subscriber.wait_for(0ns);
  subscriber.wakeup();
}

template <class Subscriber>
void read(Subscriber& subscriber, Account& account, std::span<const std::uint8_t> calls) {
  for (const std::uint8_t code : calls) {
    const std::uint64_t before = subscriber.cursor();
    if (code % 8 == 7) {
      use_all_calls(subscriber);
    } else if (const auto received = code % 2 == 0 ? subscriber.next() : subscriber.latest()) {
      account.check(subscriber, *received, code % 2 == 0, size_of(*received));
    }
    require(subscriber.cursor() >= before, "the cursor never moves back");
  }
}

template <class Subscriber>
std::optional<Subscriber> open(const Control& control, const seqcast::Location& place) {
  const seqcast::SubscriberOptions options{
      .start = (control.flags & resume_newest) != 0 ? seqcast::StartPosition::newest
                                                    : seqcast::StartPosition::oldest,
      .resume = (control.flags & resume_oldest) != 0 ? seqcast::ResumePosition::oldest
                                                     : seqcast::ResumePosition::half,
      .strategy = seqcast::WaitStrategy::sleep};
  seqcast::Error error;
  auto subscriber = Subscriber::open(place, options, error);
  require(subscriber.has_value() == !error, "what is refused has an error");
  return subscriber;
}

/// Reads everything that an inspector gives.
void inspect(const seqcast::Location& place) {
  seqcast::Error error;
  const auto inspector = seqcast::Inspector::open(place, {}, error);
  require(inspector.has_value() == !error, "what is refused has an error");
  if (!inspector) return;
  const seqcast::ChannelIdentity& identity = inspector->identity();
  const seqcast::ChannelStatus status = inspector->status();
  require(inspector->head() < (std::uint64_t{1} << 62), "a head is bounded");
  require(status.error || status.head == inspector->head(), "no process publishes");
  std::vector<std::byte> buffer(identity.max_message_size);
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(identity.capacity, 64); ++i) {
    for (const std::size_t room : {std::size_t{0}, buffer.size() / 2, buffer.size()}) {
      const seqcast::SlotContent slot = inspector->slot(i, std::span{buffer}.first(room));
      require(slot.stable && slot.bytes.size() <= room, "a slot fits into its buffer");
      if (slot.whole) require(identity.slot_of(slot.sequence) == i, "a message is in its slot");
      if (slot.whole) require(slot.bytes.size() == std::min<std::size_t>(slot.size, room), "and whole");
    }
  }
}

} // namespace

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

void through_a_file(const Control& control, std::span<const std::byte> bytes) {
  File::instance().write(bytes);
  const auto place = seqcast::file(File::instance().path());
  const std::span calls{control.calls};
  auto any = open<seqcast::ByteSubscriber>(control, place);
  auto typed_one = open<seqcast::Subscriber<Message>>(control, place);
  Account of_any{any ? any->cursor() : 0};
  Account of_typed{typed_one ? typed_one->cursor() : 0};
  if (any) {
    require(any->schema().format().size() <= 32768, "a description is bounded");
    read(*any, of_any, calls);
  }
  if (typed_one) read(*typed_one, of_typed, calls);

  inspect(place);
  seqcast::Error error;
  {
    auto publisher = seqcast::BytePublisher::open(place, {.replace = (control.flags & replaces) != 0}, error);
    require(publisher.has_value() == !error, "what is refused has an error");
    if (publisher) {
      seqcast::ByteSubscriber witness{place};
      const std::uint64_t begin = publisher->head();
      for (std::uint64_t i = 1; i <= 3; ++i) {
        require(publisher->publish(std::vector<std::byte>(publisher->max_message_size() * i / 3)) == begin + i,
                "sequences go on");
        const auto received = witness.next();
        require(received && received->sequence == begin + i &&
                    received->message.size() == publisher->max_message_size() * i / 3,
                "what is published is received");
      }
    }
  }
  if (any) read(*any, of_any, calls.first(8));
  if (typed_one) read(*typed_one, of_typed, calls.first(8));
  seqcast::remove_channel(place, error);
}

} // namespace fuzz
