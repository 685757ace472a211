// SPDX-License-Identifier: BSL-1.0
//
// system_linux: see system.hpp.
#pragma once

#include "../../demos/system_linux.hpp"
#include "support/child.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace test {

using demo::process_id;

/// A tmpfs.
inline std::string default_place() {
  return "/dev/shm";
}

/// Where files do not outlive a restart of the machine only by chance: a file system on a disk. Empty if this
/// machine shows none.
inline std::string disk_place() {
  for (const char* const place : {".", "/var/tmp", "/tmp"}) {
    struct statfs system {};
    const bool found = ::access(place, W_OK) == 0 && ::statfs(place, &system) == 0;
    if (found && system.f_type != TMPFS_MAGIC && system.f_type != RAMFS_MAGIC) return place;
  }
  return {};
}

/// A new folder with a unique name.
inline std::string make_folder(const std::string& place) {
  std::string path = place + "/seqcast-test-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) raise_errno("mkdtemp");
  return path;
}

/// Where a shared-memory object lies.
inline std::string object_path(const std::string& name) {
  return "/dev/shm/" + name;
}
inline void remove_object(const std::string& name) {
  ::unlink(object_path(name).c_str());
  ::unlink((object_path(name) + ".bell").c_str());
}

inline pid_t thread_id() {
  return static_cast<pid_t>(::syscall(SYS_gettid));
}

/// Whether a thread, or a process by its only thread, sleeps in the kernel at this moment.
inline bool sleeps(pid_t thread) {
  // Not /proc/ID/stat: qemu makes up its own file of that name.
  const std::string id = std::to_string(thread);
  std::ifstream file{"/proc/" + id + "/task/" + id + "/stat"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const std::size_t name_end = text.rfind(") ");
  return name_end != std::string::npos && text[name_end + 2] == 'S';
}

/// To be freed by free_aligned().
inline void* allocate_aligned(std::size_t alignment, std::size_t size) noexcept {
  return std::aligned_alloc(alignment, size);
}
inline void free_aligned(void* memory) noexcept {
  std::free(memory);
}

/// The time after which the first, short sleep of a wait is over and the second one has begun.
inline constexpr std::chrono::milliseconds first_sleep_time{2};

/// A number of channels that is more than the system waits for at once.
inline constexpr std::size_t too_many = 130;

/// Threads of this process.
inline std::size_t threads() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/task"}) count += entry.exists();
  return count;
}

/// Pages of memory without access, until allow() gives it.
class Pages {
 public:
  static std::size_t page_size() {
    return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  }

  explicit Pages(std::size_t size)
      : size_{size}, all_{::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)} {
    if (all_ == MAP_FAILED) throw std::bad_alloc{};
  }
  Pages(const Pages&) = delete;
  ~Pages() {
    ::munmap(all_, size_);
  }
  std::byte* begin() const noexcept {
    return static_cast<std::byte*>(all_);
  }
  /// Whole pages, zeros at first.
  void allow(std::byte* from, std::size_t size) const {
    if (size > 0 && ::mprotect(from, size, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc{};
  }

 private:
  std::size_t size_;
  void* all_;
};

} // namespace test
