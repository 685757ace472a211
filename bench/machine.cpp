// SPDX-License-Identifier: BSL-1.0
//
// machine: the facts without which a figure means nothing.
#include "report.hpp"

#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <sys/utsname.h>
#include <nlohmann/json.hpp>

namespace bench {

namespace {

/// The first line of a file, or nothing.
std::string line_of(const std::string& path) {
  std::ifstream file{path};
  std::string line;
  std::getline(file, line);
  return line;
}

/// What /proc/cpuinfo says of the first core.
std::string core_says(std::string_view key) {
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

nlohmann::json machine_facts() {
  struct utsname system {};
  ::uname(&system);
  nlohmann::json facts{{"cpu", core_says("model name")},
                       {"cores", std::thread::hardware_concurrency()},
                       {"stamps_per_ns", stamps_per_ns()},
                       {"virtualised", core_says("flags").find(" hypervisor") != std::string::npos},
                       {"kernel", std::string{system.sysname} + " " + system.release},
                       {"architecture", system.machine},
                       {"compiler", BENCH_COMPILER},
                       {"flags", BENCH_FLAGS},
                       {"commit", BENCH_COMMIT}};
  const std::string governor = line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  facts["governor"] = governor.empty() ? "not known" : governor;
  for (int i = 0; i < 4; ++i) {
    const std::string cache = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i) + "/";
    const std::string size = line_of(cache + "size");
    if (!size.empty())
      facts["caches"].push_back(
          fmt::format("L{} {} {}", line_of(cache + "level"), line_of(cache + "type"), size));
  }
  return facts;
}

} // namespace bench
