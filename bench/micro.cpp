// SPDX-License-Identifier: BSL-1.0
//
// micro: what one call costs when nobody else is about: one thread, everything in its cache. What it costs
// between two processes is another question.
//
//     publish      into a channel that nobody reads
//     latest_old   latest() when there is nothing new: the same message again
//     next         next() of a message that is there; the publishing in between is not timed
//     naive_*      raw bytes in a mapping, overwritten and read by memcpy, with no sequence; it cannot tell a
//     torn
//                  message from a whole one; naive_file_* in a file of the working folder, with and without
//                  msync
//     handoff_*    memcpy, then one flag; ring_handoff_* into a ring of seqcast's shape
//     seqlock_*    the classic sequence lock of one slot
//     *_both       sending and receiving
#include "transports/plain.hpp"

#include <seqcast/seqcast.hpp>

#include <iostream>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

template <std::size_t Size>
using Block = bench::Message<Size>;

/// A channel of this process alone, which is gone when the benchmark ends.
template <std::size_t Size>
struct Channel {
  seqcast::Location where = seqcast::shared_memory(bench::unique_name());
  seqcast::PublisherOptions options{.remove_on_close = true};
  seqcast::Publisher<Block<Size>> publisher{where, options};
  seqcast::Subscriber<Block<Size>> subscriber{where};
  Block<Size> block{};
};

template <std::size_t Size>
void set_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(Size));
}

template <std::size_t Size>
void publish_into(benchmark::State& state, Channel<Size>& channel) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(channel.block);
    channel.publisher.publish(channel.block);
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
  Channel<Size> channel{.options = {.doorbell = false, .remove_on_close = true}};
  publish_into(state, channel);
}

template <std::size_t Size>
void latest_old(benchmark::State& state) {
  Channel<Size> channel;
  channel.publisher.publish(channel.block);
  for (auto _ : state) {
    if (!channel.subscriber.latest(channel.block)) state.SkipWithError("latest() gave nothing");
    benchmark::DoNotOptimize(channel.block);
  }
  set_bytes<Size>(state);
}

/// Fills the ring untimed, then reads it, so that the clock is stopped and started once a ring.
template <std::size_t Size>
void next(benchmark::State& state) {
  Channel<Size> channel;
  const std::uint64_t batch = channel.publisher.capacity() - 1;
  std::uint64_t unread = 0;
  for (auto _ : state) {
    if (unread == 0) {
      state.PauseTiming();
      for (; unread < batch; ++unread) channel.publisher.publish(channel.block);
      state.ResumeTiming();
    }
    if (!channel.subscriber.next(channel.block)) state.SkipWithError("next() gave nothing");
    benchmark::DoNotOptimize(channel.block);
    --unread;
  }
  set_bytes<Size>(state);
}

/// What the plain transports take: sending, receiving nothing new, and both of them.
template <template <std::size_t> class Kind, std::size_t Size>
void plain_publish(benchmark::State& state) {
  Kind<Size> channel;
  typename Kind<Size>::Sender sender{channel};
  bench::Message<Size> message{};
  for (auto _ : state) {
    benchmark::DoNotOptimize(message);
    sender.send(message);
    benchmark::ClobberMemory();
  }
  set_bytes<Size>(state);
}

template <template <std::size_t> class Kind, std::size_t Size>
void plain_next(benchmark::State& state) {
  Kind<Size> channel;
  typename Kind<Size>::Sender sender{channel};
  typename Kind<Size>::Receiver receiver{channel};
  const auto message = std::make_unique<bench::Message<Size>>();
  for (auto _ : state) {
    ++message->words[0];
    sender.send(*message);
    if (!receiver.receive(*message)) state.SkipWithError("there is no message");
    benchmark::DoNotOptimize(*message);
  }
  set_bytes<Size>(state);
}

/// The copy alone, whether there is anything new or not.
template <std::size_t Size>
void naive_read(benchmark::State& state) {
  const bench::SharedRegion region{Size};
  const auto message = std::make_unique<bench::Message<Size>>();
  for (auto _ : state) {
    benchmark::ClobberMemory();
    std::memcpy(message.get(), region.at(0), Size);
    benchmark::DoNotOptimize(*message);
  }
  set_bytes<Size>(state);
}

/// As the pair of programs does it that seqcast began as: a file, overwritten and flushed.
template <std::size_t Size>
void naive_file_publish(benchmark::State& state, bool flush) {
  const std::string path = bench::unique_name() + ".dat";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 || ::posix_fallocate(fd, 0, Size) != 0) return state.SkipWithError("cannot make a file here");
  void* const shared = ::mmap(nullptr, Size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const auto message = std::make_unique<bench::Message<Size>>();
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
  const auto add = [](const char* what, const auto& function, auto... arguments) {
    benchmark::RegisterBenchmark((what + ("/" + std::to_string(Size))).c_str(), function, arguments...);
  };
  add("publish", publish<Size>);
  add("publish_no_bell", publish_without_bell<Size>);
  add("ring_handoff_publish", plain_publish<bench::HandOffRing, Size>);
  add("handoff_publish", plain_publish<bench::HandOff, Size>);
  add("seqlock_publish", plain_publish<bench::OneSlotSeqlock, Size>);
  add("naive_publish", plain_publish<bench::Naive, Size>);
  add("naive_file_publish", naive_file_publish<Size>, false);
  add("naive_file_msync_publish", naive_file_publish<Size>, true);
  add("latest_old", latest_old<Size>);
  add("naive_read", naive_read<Size>);
  add("next", next<Size>);
  add("handoff_both", plain_next<bench::HandOff, Size>);
  add("seqlock_both", plain_next<bench::OneSlotSeqlock, Size>);
}

/// std::cerr without one line: Debian builds Google Benchmark without NDEBUG, and so it warns that it is a
/// debug build. It is not, and readers would take it for a word about these figures.
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
  register_size<8>();
  register_size<48>();
  register_size<256>();
  register_size<1024>();
  register_size<4096>();
  register_size<65536>();
  register_size<1048576>();
  const WithoutDebugWarning filter;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
