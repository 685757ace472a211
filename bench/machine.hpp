// SPDX-License-Identifier: BSL-1.0
//
// machine: the facts without which a figure means nothing.
#pragma once

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

/// One line: processor, cores, kernel, compiler.
std::string to_string(const Machine& machine);

} // namespace bench
