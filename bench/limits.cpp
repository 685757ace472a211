// SPDX-License-Identifier: BSL-1.0
#include "limits.hpp"

#include "transports/shared_region.hpp"

#include <algorithm>
#include <cstring>

namespace bench {

namespace {

struct alignas(128) Line {
  std::atomic<std::uint64_t> value{0};
};

double median_ns(std::span<const std::uint64_t> stamps) {
  std::vector<std::uint64_t> sorted{stamps.begin(), stamps.end()};
  if (sorted.empty()) return 0;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return static_cast<double>(*middle - std::min(*middle, clock_itself())) / stamps_per_ns();
}

} // namespace

double line_ns() {
  constexpr std::uint64_t count = 5000;
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
        for (std::uint64_t i = 1; i <= count; ++i) {
          const std::uint64_t begin = stamp();
          there->value.store(i, std::memory_order_release);
          while (back->value.load(std::memory_order_acquire) != i) pause();
          control.times.add(stamp() - begin);
        }
      },
      {&echo, 1}, std::chrono::seconds{5});
  return median_ns(control.times.get()) / 2;
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
      const std::uint64_t begin = stamp();
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
  return median_ns(control.times.get());
}

double cached_copy_ns(std::size_t size) {
  const std::vector<std::byte> from(size, std::byte{1});
  std::vector<std::byte> to(size);
  const std::size_t together = std::max<std::size_t>(1, 4096 / size);
  std::vector<std::uint64_t> times;
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t begin = stamp();
    for (std::size_t k = 0; k < together; ++k) {
      std::memcpy(to.data(), from.data(), size);
      asm volatile("" : : "r"(to.data()) : "memory");
    }
    times.push_back(stamp() - begin);
  }
  return median_ns(times) / static_cast<double>(together);
}

double fence_ns() {
  std::vector<std::uint64_t> times;
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t begin = stamp();
    for (int k = 0; k < 100; ++k) std::atomic_thread_fence(std::memory_order_seq_cst);
    times.push_back(stamp() - begin);
  }
  return median_ns(times) / 100;
}

} // namespace bench
