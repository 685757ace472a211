// SPDX-License-Identifier: BSL-1.0
#include "machine.hpp"

#include <cstdlib>
#include <fstream>
#include <string_view>
#include <thread>

#include <sys/utsname.h>

namespace bench {

namespace {

/// Empty if there is no such file.
std::string first_line_of(const std::string& path) {
  std::ifstream file{path};
  std::string line;
  std::getline(file, line);
  return line;
}

/// A field of /proc/cpuinfo, of the first core. Empty if there is none.
std::string cpuinfo(std::string_view key) {
  std::ifstream file{"/proc/cpuinfo"};
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(key)) continue;
    const std::size_t colon = line.find(": ");
    return colon == std::string::npos ? "" : line.substr(colon + 2);
  }
  return "";
}

} // namespace

Machine this_machine() {
  struct utsname system {};
  ::uname(&system);
  Machine machine;
  machine.cpu = cpuinfo("model name");
  machine.cores = std::thread::hardware_concurrency();
  const std::string first_core = "/sys/devices/system/cpu/cpu0/";
  for (int i = 0; i < 4; ++i) {
    const std::string cache = first_core + "cache/index" + std::to_string(i) + "/";
    const std::string size = first_line_of(cache + "size");
    if (size.empty()) continue;
    machine.caches.push_back("L" + first_line_of(cache + "level") + " " + first_line_of(cache + "type") + " " +
                             size);
  }
  machine.virtualised = cpuinfo("flags").find(" hypervisor") != std::string::npos;
  machine.governor = first_line_of(first_core + "cpufreq/scaling_governor");
  if (machine.governor.empty()) machine.governor = "not known";
  machine.kernel = std::string{system.sysname} + " " + system.release;
  machine.architecture = system.machine;
  machine.compiler = BENCH_COMPILER;
  machine.flags = BENCH_FLAGS;
  machine.commit = BENCH_COMMIT;
  return machine;
}

Energy energy() {
  const char* const folder = std::getenv("BENCH_POWERCAP");
  Energy energy;
  for (int i = 0;; ++i) { // intel-rapl:0 is a package, intel-rapl:0:1 a part of it
    const std::string zone = std::string{folder != nullptr ? folder : "/sys/class/powercap"} +
                             "/intel-rapl:" + std::to_string(i) + "/";
    const std::string count = first_line_of(zone + "energy_uj");
    if (count.empty()) return energy;
    energy.packages.push_back({std::atof(count.c_str()) * 1e-6,
                               std::atof(first_line_of(zone + "max_energy_range_uj").c_str()) * 1e-6});
  }
}

std::optional<double> joules_between(const Energy& before, const Energy& after) {
  if (before.packages.empty() || before.packages.size() != after.packages.size()) return std::nullopt;
  double joules = 0;
  for (std::size_t i = 0; i < before.packages.size(); ++i) {
    const double used = after.packages[i].joules - before.packages[i].joules;
    joules += used < 0 ? used + after.packages[i].range : used;
  }
  return joules;
}

std::string to_string(const Machine& machine) {
  return machine.cpu + ", " + std::to_string(machine.cores) + " cores" +
         (machine.virtualised ? " (virtualised), " : ", ") + machine.kernel + ", " + machine.compiler;
}

} // namespace bench
