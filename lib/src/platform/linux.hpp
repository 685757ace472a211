// SPDX-License-Identifier: BSL-1.0
//
// linux: the types of platform.hpp that differ between the systems. What only Windows needs is empty here.
// Only platform.hpp includes this file, which includes no system header.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace seqcast::inline v1::detail::platform {

enum class Access;
enum class LockResult;
class LockFile;
class Place;

using NativeHandle = int;

inline constexpr char path_separator = '/';

/// An open file; closed by its destructor.
class Handle {
 public:
  Handle() noexcept = default;
  /// Takes over a descriptor; -1 is none. Where the program has closed a standard one, its number is not kept: what
  /// is printed there would get into the file. Then none, and errno, if no other number is free.
  explicit Handle(int id) noexcept;
  Handle(Handle&& other) noexcept : id_{std::exchange(other.id_, -1)} {}
  Handle& operator=(Handle other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle();

  explicit operator bool() const noexcept {
    return id_ >= 0;
  }
  int id() const noexcept {
    return id_;
  }

 private:
  int id_ = -1;
};

/// Changes the permissions of a file.
void set_mode(const Handle& handle, std::uint32_t mode, std::error_code& error);

inline constexpr auto lock_timeout = std::chrono::milliseconds{20};

/// What a LockFile has open, and what a forked child must give up. See linux_lock.cpp.
struct OpenLock {
  struct Range {
    void* address = nullptr;
    std::size_t size = 0;
  };

  OpenLock() noexcept = default;
  OpenLock(const OpenLock&) = delete;
  OpenLock& operator=(const OpenLock&) = delete;
  ~OpenLock();

  /// Returns false without an error if another holds the lock.
  bool try_lock(std::error_code& error) noexcept;
  bool try_lock_byte(std::uint64_t offset, std::error_code& error) noexcept;
  /// What keeps the lock from being taken; nothing if it is free by now.
  std::optional<LockResult> obstacle() const noexcept;
  std::uint64_t holder() const noexcept;
  void protect_from_children(void* address, std::size_t size) noexcept;
  void clear_protected_ranges() noexcept;

  Handle handle;
  std::array<Range, 2> ranges{}; // a region and a bell, or a bell
  bool inherited = false;
};

/// Opens a file for its lock. No other thread can fork between opening and registering: no child keeps the
/// descriptor. A file that `flags` create has mode 0600.
LockFile open_for_lock(const Place& place, int flags, std::error_code& error);

/// openat().
int open_at(const Place& place, int flags, unsigned mode) noexcept;

/// Keeps a mapping readable if its file is truncated. Without it, a read beyond the new end raises SIGBUS,
/// which kills the process. To be destroyed before its mapping is unmapped.
class TruncationGuard {
 public:
  /// From here on, a read beyond the end of the file replaces the whole mapping with private zeros, for good.
  /// Installs a process-wide handler for SIGBUS, once, which passes on every other fault.
  static TruncationGuard protect(const void* address, std::uint64_t size, Access access,
                                 std::error_code& error);

  explicit operator bool() const noexcept {
    return entry_ != nullptr;
  }
  /// Whether the mapping is zeros now.
  bool truncated() const noexcept;
  /// Replaces the mapping at once.
  void replace_with_zeros() const noexcept;

 private:
  struct Entry;
  struct Release {
    void operator()(Entry* entry) const noexcept;
  };
  static bool install_handler() noexcept;
  static bool handle_fault(const void* address) noexcept;
  std::unique_ptr<Entry, Release> entry_;
};

// The kernel finds the file behind a futex word by itself.
struct MappedWords {
  static MappedWords add(const Handle&, const void*, std::uint64_t, std::error_code&) noexcept {
    return {};
  }
};

inline constexpr bool stop_callbacks_return = true;

} // namespace seqcast::inline v1::detail::platform
