// SPDX-License-Identifier: BSL-1.0
#include "placement.hpp"

#include "limits.hpp"

#include <algorithm>
#include <fstream>
#include <numeric>

#include <sched.h>

namespace bench {

namespace {

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof set, &set);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

/// The threads of a processor's core, as the kernel writes them. Its own number where it does not.
std::string core_of(int cpu) {
  std::ifstream file{"/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list"};
  std::string siblings;
  std::getline(file, siblings);
  return siblings.empty() ? std::to_string(cpu) : siblings;
}

} // namespace

LineTimes measure_line_times() {
  constexpr std::size_t most = 64;
  LineTimes times;
  const std::vector<int> allowed = allowed_cpus();
  const std::size_t count = std::min(allowed.size(), most);
  for (std::size_t i = 0; i < count; ++i) times.cpus.push_back(allowed[i * allowed.size() / count]);
  times.ns.assign(count, std::vector<double>(count, 0));
  times.same_core.assign(count, std::vector<bool>(count, true));
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      const int pair[]{times.cpus[i], times.cpus[k]};
      times.ns[i][k] = times.ns[k][i] = line_time_ns(pair, 50);
      times.same_core[i][k] = times.same_core[k][i] = core_of(pair[0]) == core_of(pair[1]);
    }
  }
  return times;
}

std::vector<Placement> choose_placements(const LineTimes& times, const std::string& wanted) {
  struct Pair {
    std::size_t sender, receiver;
    double ns;
    bool same_core;
  };
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < times.cpus.size(); ++i) {
    for (std::size_t k = i + 1; k < times.cpus.size(); ++k) {
      pairs.push_back({i, k, times.ns[i][k], times.same_core[i][k]});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    return a.same_core != b.same_core ? b.same_core : a.ns < b.ns; // threads of one core last
  });
  const auto cores = std::find_if(pairs.begin(), pairs.end(), [](const Pair& pair) { return pair.same_core; });
  if (cores != pairs.begin()) pairs.erase(cores, pairs.end());

  const auto placement_of = [&](const Pair& pair, const char* name, double sign) {
    std::vector<std::size_t> others(times.cpus.size());
    std::iota(others.begin(), others.end(), std::size_t{0});
    std::erase(others, pair.sender);
    std::erase(others, pair.receiver);
    std::stable_sort(others.begin(), others.end(), [&](std::size_t a, std::size_t b) {
      return sign * times.ns[pair.sender][a] < sign * times.ns[pair.sender][b];
    });
    Placement placement{name, {times.cpus[pair.sender], times.cpus[pair.receiver]}, pair.ns};
    for (const std::size_t other : others) placement.cpus.push_back(times.cpus[other]);
    return placement;
  };
  const Placement near = placement_of(pairs.front(), "near", 1);
  const Placement far = placement_of(pairs.back(), "far", -1);
  if (pairs.size() == 1) return {{"", near.cpus, near.line_time}};
  if (wanted == "near") return {near};
  if (wanted == "far") return {far};
  if (far.line_time <= 1.25 * near.line_time) return {{"", near.cpus, near.line_time}};
  return {near, far};
}

} // namespace bench
