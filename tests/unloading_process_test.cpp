// SPDX-License-Identifier: BSL-1.0
//
// A plugin that uses seqcast and is unloaded: what the library has installed in the process must not lead into
// memory that is gone.
#include "support/child.hpp"
#include "support/temporary.hpp"
#include "support/truncation.hpp"

#include <doctest/doctest.h>

#include <csetjmp>
#include <fstream>

#include <dlfcn.h>
#include <fcntl.h>

using namespace test;

namespace {

sigjmp_buf back;

/// Loads the plugin, has it use a channel, and unloads it. Gives whether it is still in memory.
bool use_plugin(const TemporaryFolder& folder, bool survive_truncation) {
  void* const plugin = ::dlopen(SEQCAST_TEST_PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) throw std::runtime_error{::dlerror()};
  const auto use = __builtin_bit_cast(int (*)(const char*, bool), ::dlsym(plugin, "use_seqcast"));
  if (use((folder / "channel").c_str(), survive_truncation) != 7) throw std::runtime_error{"no message"};
  ::dlclose(plugin);
  std::ifstream maps{"/proc/self/maps"};
  for (std::string line; std::getline(maps, line);) {
    if (line.ends_with(SEQCAST_TEST_PLUGIN)) return true;
  }
  return false;
}

/// Reads beyond the end of a file; gives whether this program's handler got the fault.
bool fault(const TemporaryFolder& folder) {
  const Descriptor file{::open((folder / "own").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  void* const mapped = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file.id(), 0);
  if (mapped == MAP_FAILED) raise_errno("mmap");
  if (sigsetjmp(back, 1) != 0) return true;
  static_cast<void>(*static_cast<volatile const char*>(mapped));
  return false;
}

void install_handler() {
  struct sigaction action {};
  action.sa_handler = [](int) { siglongjmp(back, 1); };
  ::sigaction(SIGBUS, &action, nullptr);
}

} // namespace

TEST_CASE(
    "after a plugin with the library in it was unloaded, a program's own handler of SIGBUS works, and fork()") {
  for (const bool survive_truncation : {false, true}) {
    CAPTURE(survive_truncation);
    const TemporaryFolder folder;
    Child child{[&](Line& line) {
      no_core();
      install_handler();
      line.send(use_plugin(folder, survive_truncation));
      line.send(fault(folder));
      Child grandchild{[](Line&) {}};
      line.send(grandchild.wait() == ended_well);
      line.send(use_plugin(folder, survive_truncation)); // and once more
      line.send(fault(folder));
    }};
    const bool kept = child.line().expect<bool>();
    if (kept && !survive_truncation) MESSAGE("shows nothing: something else keeps the plugin in memory");
    CHECK(child.line().expect<bool>());
    CHECK(child.line().expect<bool>());
    CHECK(child.line().expect<bool>() == kept);
    CHECK(child.line().expect<bool>());
    CHECK(child.wait() == ended_well);
  }
}
