// SPDX-License-Identifier: BSL-1.0
#include "limits.hpp"

#include "measure.hpp"
#include "transports/shared_region.hpp"

#include <algorithm>
#include <cstring>

namespace bench {

namespace {

struct alignas(128) Line {
  std::atomic<std::uint64_t> value{0};
};

} // namespace

double line_ns() {
  constexpr std::uint64_t count = 6000;
  constexpr std::uint64_t together = 20; // round trips: the clock's steps are large beside one
  static Control& control = Control::make();
  static const SharedRegion region{2 * sizeof(Line)};
  Line* const there = new (region.at(0)) Line;
  Line* const back = new (region.at(sizeof(Line))) Line;
  const Control::Body echo = [&] {
    control.ready();
    for (std::uint64_t i = 1; i <= count; ++i) {
      while (there->value.load(std::memory_order_acquire) != i) pause();
      back->value.store(i, std::memory_order_release);
    }
  };
  control.run(
      [&] {
        control.begin();
        for (std::uint64_t i = 0; i < count;) {
          const std::uint64_t begin = stamp_after();
          for (const std::uint64_t end = i + together; i < end;) {
            there->value.store(++i, std::memory_order_release);
            while (back->value.load(std::memory_order_acquire) != i) pause();
          }
          control.times.add(stamp_after() - begin);
        }
      },
      {&echo, 1}, std::chrono::seconds{5});
  return percentiles_of(control.times.get(), 2 * together).p50;
}

double dirty_copy_ns(std::size_t size, Control& control) {
  const std::uint64_t count = std::clamp<std::uint64_t>((1 << 26) / size, 50, 2000);
  const SharedRegion region{size + 2 * sizeof(Line)};
  Line* const full = new (region.at(0)) Line;
  Line* const empty = new (region.at(sizeof(Line))) Line;
  std::byte* const buffer = region.at(2 * sizeof(Line));
  const Control::Body reader = [&] {
    std::vector<std::byte> copy(size);
    control.ready();
    for (std::uint64_t i = 1; i <= count; ++i) {
      while (full->value.load(std::memory_order_acquire) != i) control.breathe();
      const std::uint64_t begin = stamp_after();
      std::memcpy(copy.data(), buffer, size);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      control.times.add(stamp_after() - begin);
      empty->value.store(i, std::memory_order_release);
    }
  };
  control.run(
      [&] {
        control.begin();
        for (std::uint64_t i = 1; i <= count; ++i) {
          std::memset(buffer, static_cast<int>(i), size);
          spin_ns(2000); // so that the stores have arrived
          full->value.store(i, std::memory_order_release);
          while (empty->value.load(std::memory_order_acquire) != i) control.breathe();
        }
      },
      {&reader, 1}, std::chrono::seconds{10});
  return percentiles_of(control.times.get()).p50;
}

double cached_copy_ns(std::size_t size) {
  const std::vector<std::byte> from(size, std::byte{1});
  std::vector<std::byte> to(size);
  const std::size_t together = std::max<std::size_t>(1, 4096 / size);
  std::vector<std::uint64_t> times;
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t begin = stamp_after();
    for (std::size_t k = 0; k < together; ++k) {
      std::memcpy(to.data(), from.data(), size);
      asm volatile("" : : "r"(to.data()) : "memory");
    }
    times.push_back(stamp_after() - begin);
  }
  return percentiles_of(times, static_cast<double>(together)).p50;
}

double fence_ns() {
  std::vector<std::uint64_t> times;
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t begin = stamp_after();
    for (int k = 0; k < 100; ++k) std::atomic_thread_fence(std::memory_order_seq_cst);
    times.push_back(stamp_after() - begin);
  }
  return percentiles_of(times, 100).p50;
}

} // namespace bench
