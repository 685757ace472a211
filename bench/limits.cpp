// SPDX-License-Identifier: BSL-1.0
#include "limits.hpp"

#include "statistics.hpp"
#include "transports/all.hpp"

#include <algorithm>
#include <cstring>

namespace bench {

namespace {

/// The median time of `act`, of 300 samples of `batch` calls each.
template <class Act>
double median_ns(std::size_t batch, const Act& act) {
  std::vector<std::uint64_t> times;
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t begin = stamp_after();
    for (std::size_t k = 0; k < batch; ++k) act();
    times.push_back(stamp_after() - begin);
  }
  return Histogram{times, static_cast<double>(batch)}.median();
}

} // namespace

double line_time_ns(std::span<const int> cpus, std::uint64_t count) {
  // Not the caller's Control, which still holds the samples of the last measurement.
  static const SharedRegion region{sizeof(Control)};
  Control& control = Control::make_in(region, cpus);
  naive.run({.size = 8}, {.scenario = Scenario::one_way, .count = count, .pause_ns = 20'000}, control);
  return Histogram{control.latencies.get()}.median();
}

double dirty_copy_ns(std::size_t size, Control& control) {
  const std::uint64_t count = std::clamp<std::uint64_t>((1 << 26) / size, 50, 2000);
  const SharedRegion region{size + 2 * sizeof(IsolatedNumber)};
  auto* const full = new (region.at(0)) IsolatedNumber;
  auto* const empty = new (region.at(sizeof(IsolatedNumber))) IsolatedNumber;
  std::byte* const buffer = region.at(2 * sizeof(IsolatedNumber));
  const Control::Body reader = [&] {
    std::vector<std::byte> copy(size);
    control.ready();
    for (std::uint64_t i = 1; i <= count; ++i) {
      while (full->value.load(std::memory_order_acquire) != i) control.poll_deadline();
      const std::uint64_t begin = stamp_after();
      std::memcpy(copy.data(), buffer, size);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      control.latencies.add(stamp_after() - begin);
      empty->value.store(i, std::memory_order_release);
    }
  };
  control.run(
      [&] {
        control.wait_for_receivers();
        for (std::uint64_t i = 1; i <= count; ++i) {
          std::memset(buffer, static_cast<int>(i), size);
          spin_ns(2000); // until the stores have left the store buffer
          full->value.store(i, std::memory_order_release);
          while (empty->value.load(std::memory_order_acquire) != i) control.poll_deadline();
        }
      },
      {&reader, 1}, std::chrono::seconds{10});
  return Histogram{control.latencies.get()}.median();
}

double cached_copy_ns(std::size_t size) {
  const std::vector<std::byte> from(size, std::byte{1});
  std::vector<std::byte> to(size);
  return median_ns(std::max<std::size_t>(1, 4096 / size), [&] {
    std::memcpy(to.data(), from.data(), size);
    asm volatile("" : : "r"(to.data()) : "memory");
  });
}

double fence_ns() {
  return median_ns(100, [] { std::atomic_thread_fence(std::memory_order_seq_cst); });
}

} // namespace bench
