// SPDX-License-Identifier: BSL-1.0
//
// micro: what one call costs in one thread, with everything in its cache. Between two processes the same call
// costs more: see latency.cpp.
//
//     publish      into a channel without subscribers
//     latest_old   latest() without a new message: the same one again
//     next         next() of a message that is there; publish() in between is not timed
//     bytes_*      so with a BytePublisher and a ByteSubscriber, whose messages have any size
//     c_*          and with seqcast.h, the C interface
//     naive_*      a mapping, overwritten and read by memcpy, without a sequence: messages may be torn;
//                  naive_file_*: in a file of the working folder, with and without msync
//     handoff_*    memcpy, then a flag in the first line; ring_handoff_* into a ring with the slots of seqcast
//     *_both       send and receive
#include "process.hpp"
#include "transports/plain.hpp"

#include <seqcast/seqcast.h>
#include <seqcast/seqcast.hpp>

#include <iostream>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using bench::Message;

/// A channel for this process only; it is removed at the end of the benchmark.
template <std::size_t Size>
struct Channel {
  seqcast::Location location = seqcast::shared_memory(bench::unique_name());
  seqcast::PublisherOptions options{.remove_on_close = true};
  seqcast::Publisher<Message<Size>> publisher{location, options};
  seqcast::Subscriber<Message<Size>> subscriber{location};
  Message<Size> message{};
};

template <std::size_t Size>
void set_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(Size));
}

constexpr std::uint64_t any_size_capacity = 1024;

/// So for messages of any size.
template <std::size_t Size>
struct ByteChannel {
  seqcast::Location location = seqcast::shared_memory(bench::unique_name());
  seqcast::BytePublisher publisher{
      location, {.capacity = any_size_capacity, .max_message_size = Size, .remove_on_close = true}};
  seqcast::ByteSubscriber subscriber{location};
  Message<Size> message{};

  bool publish() {
    return publisher.publish(std::span{&message, 1}) != 0;
  }
  bool next() {
    const auto received = subscriber.next();
    benchmark::DoNotOptimize(received);
    return received.has_value();
  }
};

/// So in C.
template <std::size_t Size>
struct CChannel {
  std::string name = bench::unique_name();
  seqcast_publisher* publisher = nullptr;
  seqcast_subscriber* subscriber = nullptr;
  seqcast_message received{};
  Message<Size> message{};

  CChannel() {
    const seqcast_location where{SEQCAST_SHARED_MEMORY, 0, {name.data(), name.size()}};
    seqcast_publisher_options options{};
    options.struct_size = sizeof options;
    options.capacity = any_size_capacity;
    options.max_message_size = Size;
    options.remove_on_close = 1;
    received.struct_size = sizeof received;
    if (seqcast_publisher_open(SEQCAST_VERSION, &where, &options, &publisher, nullptr) != SEQCAST_OK ||
        seqcast_subscriber_open(SEQCAST_VERSION, &where, nullptr, &subscriber, nullptr) != SEQCAST_OK)
      throw std::runtime_error{"cannot open a channel"};
  }
  CChannel(const CChannel&) = delete;
  CChannel& operator=(const CChannel&) = delete;
  ~CChannel() {
    seqcast_subscriber_close(subscriber);
    seqcast_publisher_close(publisher);
  }
  bool publish() {
    return seqcast_publish(publisher, &message, Size, nullptr) == SEQCAST_OK;
  }
  bool next() {
    return seqcast_next(subscriber, &received) == SEQCAST_OK;
  }
};

template <std::size_t Size>
void publish_into(benchmark::State& state, Channel<Size>& channel) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(channel.message);
    channel.publisher.publish(channel.message);
  }
  set_bytes<Size>(state);
}

template <std::size_t Size>
void publish(benchmark::State& state) {
  Channel<Size> channel;
  publish_into(state, channel);
}
template <std::size_t Size>
void publish_without_bell(benchmark::State& state) {
  Channel<Size> channel{.options = {.wakeup = seqcast::Wakeup::polling, .remove_on_close = true}};
  publish_into(state, channel);
}

template <std::size_t Size>
void latest_old(benchmark::State& state) {
  Channel<Size> channel;
  channel.publisher.publish(channel.message);
  for (auto _ : state) {
    if (!channel.subscriber.latest(channel.message)) state.SkipWithError("latest() gave nothing");
    benchmark::DoNotOptimize(channel.message);
  }
  set_bytes<Size>(state);
}

/// Fills the ring untimed, then reads it: so the clock is stopped once for each ring and not for each message.
template <std::size_t Size>
void next(benchmark::State& state) {
  Channel<Size> channel;
  const std::uint64_t batch = channel.publisher.capacity() - 1;
  std::uint64_t unread = 0;
  for (auto _ : state) {
    if (unread == 0) {
      state.PauseTiming();
      for (; unread < batch; ++unread) channel.publisher.publish(channel.message);
      state.ResumeTiming();
    }
    if (!channel.subscriber.next(channel.message)) state.SkipWithError("next() gave nothing");
    benchmark::DoNotOptimize(channel.message);
    --unread;
  }
  set_bytes<Size>(state);
}

template <template <std::size_t> class Kind, std::size_t Size>
void publish_any_size(benchmark::State& state) {
  Kind<Size> channel;
  for (auto _ : state) {
    benchmark::DoNotOptimize(channel.message);
    if (!channel.publish()) state.SkipWithError("nothing was published");
  }
  set_bytes<Size>(state);
}

/// As next(), above.
template <template <std::size_t> class Kind, std::size_t Size>
void next_any_size(benchmark::State& state) {
  Kind<Size> channel;
  constexpr std::uint64_t batch = any_size_capacity - 1;
  std::uint64_t unread = 0;
  for (auto _ : state) {
    if (unread == 0) {
      state.PauseTiming();
      for (; unread < batch; ++unread) channel.publish();
      state.ResumeTiming();
    }
    if (!channel.next()) state.SkipWithError("next() gave nothing");
    --unread;
  }
  set_bytes<Size>(state);
}

template <template <std::size_t> class Kind, std::size_t Size>
void plain_publish(benchmark::State& state) {
  Kind<Size> channel{bench::Setting{.size = Size}};
  typename Kind<Size>::Sender sender{channel};
  Message<Size> message{};
  for (auto _ : state) {
    benchmark::DoNotOptimize(message);
    sender.send(message.words.data());
    benchmark::ClobberMemory();
  }
  set_bytes<Size>(state);
}

template <template <std::size_t> class Kind, std::size_t Size>
void plain_next(benchmark::State& state) {
  Kind<Size> channel{bench::Setting{.size = Size}};
  typename Kind<Size>::Sender sender{channel};
  typename Kind<Size>::Receiver receiver{channel};
  const auto message = std::make_unique<Message<Size>>();
  for (auto _ : state) {
    ++message->words[0];
    sender.send(message->words.data());
    if (!receiver.receive(message->words.data())) state.SkipWithError("there is no message");
    benchmark::DoNotOptimize(*message);
  }
  set_bytes<Size>(state);
}

/// Only the copy, without a check for a new message.
template <std::size_t Size>
void naive_read(benchmark::State& state) {
  const bench::SharedRegion region{Size};
  const auto message = std::make_unique<Message<Size>>();
  for (auto _ : state) {
    benchmark::ClobberMemory();
    std::memcpy(message.get(), region.at(0), Size);
    benchmark::DoNotOptimize(*message);
  }
  set_bytes<Size>(state);
}

/// The naive version in a file that is overwritten, and flushed where `flush` is set.
template <std::size_t Size>
void naive_file_publish(benchmark::State& state, bool flush) {
  const std::string path = bench::unique_name() + ".dat";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 || ::posix_fallocate(fd, 0, Size) != 0) return state.SkipWithError("cannot make a file here");
  void* const shared = ::mmap(nullptr, Size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const auto message = std::make_unique<Message<Size>>();
  for (auto _ : state) {
    benchmark::DoNotOptimize(*message);
    std::memcpy(shared, message.get(), Size);
    benchmark::ClobberMemory();
    if (flush) ::msync(shared, Size, MS_SYNC);
  }
  set_bytes<Size>(state);
  ::munmap(shared, Size);
  ::close(fd);
  ::unlink(path.c_str());
}

template <std::size_t Size>
void register_size() {
  const auto add = [](const char* name, const auto& function, auto... arguments) {
    benchmark::RegisterBenchmark((name + ("/" + std::to_string(Size))).c_str(), function, arguments...);
  };
  add("publish", publish<Size>);
  add("publish_no_bell", publish_without_bell<Size>);
  add("ring_handoff_publish", plain_publish<bench::HandOffRing, Size>);
  add("handoff_publish", plain_publish<bench::HandOff, Size>);
  add("naive_publish", plain_publish<bench::Naive, Size>);
  add("naive_file_publish", naive_file_publish<Size>, false);
  add("naive_file_msync_publish", naive_file_publish<Size>, true);
  add("latest_old", latest_old<Size>);
  add("naive_read", naive_read<Size>);
  add("next", next<Size>);
  if constexpr (Size == 48) { // where the cost of a call shows
    add("bytes_publish", publish_any_size<ByteChannel, Size>);
    add("bytes_next", next_any_size<ByteChannel, Size>);
    add("c_publish", publish_any_size<CChannel, Size>);
    add("c_next", next_any_size<CChannel, Size>);
  }
  add("handoff_both", plain_next<bench::HandOff, Size>);
}

/// std::cerr without one line. Debian builds Google Benchmark without NDEBUG: so it warns that it is a debug
/// build. It is not, and the warning would make these figures look invalid.
class WithoutDebugWarning : public std::streambuf {
 public:
  WithoutDebugWarning() : real_{std::cerr.rdbuf(this)} {}
  WithoutDebugWarning(const WithoutDebugWarning&) = delete;
  WithoutDebugWarning& operator=(const WithoutDebugWarning&) = delete;
  ~WithoutDebugWarning() override {
    std::cerr.rdbuf(real_);
  }

 protected:
  int overflow(int character) override {
    line_ += static_cast<char>(character);
    if (character != '\n') return character;
    if (line_.find("built as DEBUG") == std::string::npos) {
      real_->sputn(line_.data(), static_cast<std::streamsize>(line_.size()));
    }
    line_.clear();
    return character;
  }

 private:
  std::streambuf* real_;
  std::string line_;
};

} // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  []<std::size_t... Index>(std::index_sequence<Index...>) {
    (register_size<bench::sizes[Index]>(), ...);
  }
  (std::make_index_sequence<bench::sizes.size()>{});
  const WithoutDebugWarning filter;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
