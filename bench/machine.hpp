// SPDX-License-Identifier: BSL-1.0
//
// machine: the facts without which a figure means nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bench {

struct Machine {
  std::string cpu;
  unsigned cores = 0;
  std::vector<std::string> caches; // of the first core: "L1 Data 48K"
  bool virtualised = false;
  std::string governor; // of the clock rate; "not known" where the system does not say
  std::string kernel;
  std::string architecture;
  std::string compiler; // of this program, as are the next two
  std::string flags;
  std::string commit;
};

Machine this_machine();

/// What the packages of the processor have used so far, by the kernel's power capping framework (powercap), as far as
/// it counts and this user may read it. BENCH_POWERCAP: another folder than /sys/class/powercap.
struct Energy {
  struct Zone {
    double joules = 0;
    double range = 0; // the counter starts again there
  };
  std::vector<Zone> packages;
};
Energy energy();
/// Nothing where nothing is counted.
std::optional<double> joules_between(const Energy& before, const Energy& after);

/// One line: processor, cores, kernel, compiler.
std::string to_string(const Machine& machine);

} // namespace bench
