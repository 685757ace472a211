// SPDX-License-Identifier: BSL-1.0
//
// instruction_points: kills a process after its first instruction of an action, another process after its
// second, and so on to the end of the action, and lets the test check what is left each time.
//
// Who may call it: the main thread of a test, where cannot_step() is empty.
//
// Invariants
//   1. Every instruction is a point, unless Coverage::sample is asked for and SEQCAST_LONG=1 is not set. Then
//      the points are the instructions around each system call, those around each change of a byte that other
//      processes can see, and every stride-th of the rest. The stride is printed.
//   2. The instructions are counted once, by single steps. A point is then reached at full speed, by
//      breakpoints. A process that takes another path and misses its point is counted.
//   3. The clock is a system call here: see clock_gettime() below.
#pragma once

#include "support/temporary.hpp"
#include "support/tracee.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include <fcntl.h>
#include <sys/syscall.h>

/// In place of the C library's, whose path through the vDSO depends on the time, the processor and the kernel. A
/// system call counts as one instruction.
extern "C" int clock_gettime(clockid_t clock, struct timespec* time) noexcept {
  return static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
}

namespace test {

/// What is interrupted, and what is checked afterwards.
class Scene {
 public:
  virtual ~Scene() = default;
  /// In the test, each time: sets up the state before.
  virtual void before() = 0;
  /// In the child, not stepped.
  virtual void prepare() {}
  /// In the child, stepped.
  virtual void act() = 0;
  /// In the test, when the child is dead.
  virtual void after() = 0;

  TemporaryFolder folder;
};

/// The bytes of all files of a folder, to detect changes.
class SharedBytes {
 public:
  explicit SharedBytes(const TemporaryFolder& folder) : folder_{folder} {
    find_files();
    changed();
  }

  /// To be called when files may have come or gone.
  void find_files() {
    files_.clear();
    for (const auto& entry : std::filesystem::directory_iterator{folder_.path()}) {
      files_.emplace_back(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
    }
  }

  bool changed() {
    std::array<char, 4096> page;
    std::string now;
    for (const Descriptor& file : files_) {
      const ssize_t size = ::pread(file.id(), page.data(), page.size(), 0);
      now.append(page.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
    }
    return now != std::exchange(bytes_, now);
  }

 private:
  const TemporaryFolder& folder_;
  std::vector<Descriptor> files_;
  std::string bytes_;
};

/// One complete run. An index is a number of instructions executed since the mark.
struct Walk {
  std::vector<std::uint64_t> positions;      // the address after that many
  std::vector<std::uint64_t> calls;          // the last of that many was a system call
  std::vector<std::uint64_t> visible_stores; // the last of that many changed what others see

  std::uint64_t length() const noexcept {
    return positions.size() - 1;
  }

  /// How often the process is, between two indices, at the address of the second one.
  std::uint64_t visits(std::uint64_t from, std::uint64_t to) const {
    const auto begin = positions.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end = positions.begin() + static_cast<std::ptrdiff_t>(to) + 1;
    return static_cast<std::uint64_t>(std::count(begin, end, positions[to]));
  }
};

inline Tracee trace(Scene& scene) {
  // Called through a volatile pointer: a second, inlined copy of this code would have other addresses and
  // another number of instructions.
  static void (*const volatile body)(Scene&) = [](Scene& of) {
    of.prepare();
    mark();
    of.act();
    mark();
  };
  scene.before();
  Tracee tracee{[&scene] { body(scene); }};
  if (!tracee.run_to_mark()) throw std::runtime_error{"a traced process ended before its mark"};
  return tracee;
}

inline Walk walk(Scene& scene) {
  Tracee tracee = trace(scene);
  SharedBytes bytes{scene.folder};
  Walk walk{.positions = {tracee.position()}, .calls = {}, .visible_stores = {}};
  for (;;) {
    const bool call = tracee.at_system_call();
    if (!tracee.step()) break;
    walk.positions.push_back(tracee.position());
    if (call) {
      walk.calls.push_back(walk.length());
      bytes.find_files();
    }
    if (bytes.changed()) walk.visible_stores.push_back(walk.length());
  }
  tracee.kill();
  scene.after();
  return walk;
}

enum class Coverage { every, sample };

struct Points {
  static constexpr std::uint64_t sample_size = 400;

  Points(const Walk& walk, Coverage coverage) {
    const char* const everything = std::getenv("SEQCAST_LONG");
    const bool all = everything != nullptr && std::string{everything} == "1";
    if (coverage == Coverage::sample && !all) stride = walk.length() / sample_size + 1;
    for (std::uint64_t point = 0; point <= walk.length(); point += stride) points.insert(point);
    points.insert(walk.length());
    for (const auto* special : {&walk.calls, &walk.visible_stores}) {
      for (const std::uint64_t at : *special) {
        for (const std::uint64_t point : {at - 1, at, at + 1}) points.insert(std::min(point, walk.length()));
      }
    }
  }

  std::set<std::uint64_t> points;
  std::uint64_t stride = 1;
};

/// Lets the process execute that many instructions. False if it is not at the address of the walk then.
inline bool advance(Tracee& tracee, const Walk& walk, std::uint64_t instructions) {
  std::uint64_t taken = 0;
  for (const std::uint64_t call : walk.calls) {
    if (call > instructions) break;
    if (!tracee.run_through_system_call()) return false;
    taken = call;
  }
  if (instructions == taken) return tracee.position() == walk.positions[instructions];
  return tracee.run_to(walk.positions[instructions], walk.visits(taken, instructions));
}

/// Kills the scene's action at each point.
inline void kill_at_each_instruction(const std::string& what, Scene& scene, Coverage coverage) {
  // The C library's own path may depend on what it finds, so a missed point is tried a few more times.
  constexpr int tries = 5;
  const OneProcessor cheap_steps;
  scene
      .before(); // once in this process, so that the dynamic linker and one-time initialisations are not stepped
  scene.prepare();
  scene.act();
  const Walk way = walk(scene);
  const Points chosen{way, coverage};
  std::uint64_t missed = 0;
  for (const std::uint64_t point : chosen.points) {
    INFO(what << ", killed after " << point << " instructions");
    bool arrived = false;
    for (int attempt = 0; attempt < tries && !arrived; ++attempt) {
      Tracee tracee = trace(scene);
      arrived = advance(tracee, way, point);
      CHECK(tracee.kill() == ended_killed);
      scene.after();
    }
    if (!arrived) ++missed;
  }
  MESSAGE(what << ": " << way.length() << " instructions, " << way.calls.size() << " system calls, "
               << way.visible_stores.size() << " visible stores; killed at " << chosen.points.size()
               << " points, stride " << chosen.stride << ", " << missed << " of them missed");
  if (coverage == Coverage::every) CHECK(missed == 0); // the library's own code takes one path
}

} // namespace test
