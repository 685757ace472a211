// SPDX-License-Identifier: BSL-1.0
//
// micro: what one call costs when nobody else is about: one thread, everything in its cache. What it costs
// between two processes is another question.
//
//     publish      into a channel that nobody reads
//     latest_old   latest() when there is nothing new: the same message again
//     next         next() of a message that is there; the publishing in between is not timed
//     naive_*      the rival: raw bytes in a mapping of the same kind, overwritten and read by memcpy, with no
//                  sequence; it cannot tell a torn message from a whole one
#include <benchmark/benchmark.h>
#include <sys/mman.h>
#include <unistd.h>
#include <seqcast/seqcast.hpp>

#include <iostream>

namespace {

template <std::size_t Size>
struct Block {
  std::array<std::byte, Size> bytes;
};

/// A channel of this process alone, which is gone when the benchmark ends.
template <std::size_t Size>
struct Channel {
  seqcast::Location where = seqcast::shared_memory("seqcast-micro-" + std::to_string(getpid()));
  seqcast::Publisher<Block<Size>> publisher{where, {.remove_on_close = true}};
  seqcast::Subscriber<Block<Size>> subscriber{where};
  Block<Size> block{};
};

template <std::size_t Size>
void set_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(Size));
}

template <std::size_t Size>
void publish(benchmark::State& state) {
  Channel<Size> channel;
  for (auto _ : state) {
    benchmark::DoNotOptimize(channel.block);
    channel.publisher.publish(channel.block);
  }
  set_bytes<Size>(state);
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

/// Raw shared bytes.
template <std::size_t Size>
struct NaiveRegion {
  Block<Size>* shared = static_cast<Block<Size>*>(
      mmap(nullptr, sizeof(Block<Size>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  Block<Size> block{};

  NaiveRegion() {
    if (shared == MAP_FAILED) throw std::system_error{errno, std::generic_category(), "cannot map memory"};
  }
  NaiveRegion(const NaiveRegion&) = delete;
  NaiveRegion& operator=(const NaiveRegion&) = delete;
  ~NaiveRegion() {
    munmap(shared, sizeof(Block<Size>));
  }
};

template <std::size_t Size>
void naive_write(benchmark::State& state) {
  NaiveRegion<Size> region;
  for (auto _ : state) {
    benchmark::DoNotOptimize(region.block);
    std::memcpy(region.shared, &region.block, Size);
    benchmark::ClobberMemory();
  }
  set_bytes<Size>(state);
}

template <std::size_t Size>
void naive_read(benchmark::State& state) {
  NaiveRegion<Size> region;
  for (auto _ : state) {
    benchmark::ClobberMemory();
    std::memcpy(&region.block, region.shared, Size);
    benchmark::DoNotOptimize(region.block);
  }
  set_bytes<Size>(state);
}

template <std::size_t Size>
void register_size() {
  const auto name = [](const char* what) { return what + ("/" + std::to_string(Size)); };
  benchmark::RegisterBenchmark(name("publish").c_str(), publish<Size>);
  benchmark::RegisterBenchmark(name("naive_write").c_str(), naive_write<Size>);
  benchmark::RegisterBenchmark(name("latest_old").c_str(), latest_old<Size>);
  benchmark::RegisterBenchmark(name("next").c_str(), next<Size>);
  benchmark::RegisterBenchmark(name("naive_read").c_str(), naive_read<Size>);
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
  const WithoutDebugWarning filter;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
