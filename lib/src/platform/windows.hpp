// SPDX-License-Identifier: BSL-1.0
//
// windows: the types of platform.hpp that differ between the systems. What only Linux needs is empty here.
// Only platform.hpp includes this file, which includes no system header.
#pragma once

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

using NativeHandle = void*;

inline constexpr char path_separator = '\\';

/// What windows_section.cpp keeps with an open section; all zeros for a file.
struct SectionInfo {
  void* name = nullptr;   // keeps the object open that stands for the channel's name
  std::uint64_t id = 0;   // never 0 for a section
  std::uint64_t size = 0; // bytes, as requested; the system's own number is rounded up to whole pages
};

/// An open file, or the section of a shared-memory object; closed by its destructor.
class Handle {
 public:
  Handle() noexcept = default;
  explicit Handle(void* id, SectionInfo section = {}) noexcept : id_{id}, section_{section} {}
  Handle(Handle&& other) noexcept : id_{other.release()}, section_{std::exchange(other.section_, {})} {}
  Handle& operator=(Handle other) noexcept {
    std::swap(id_, other.id_);
    std::swap(section_, other.section_);
    return *this;
  }
  ~Handle();

  explicit operator bool() const noexcept {
    return id_ != nullptr;
  }
  void* id() const noexcept {
    return id_;
  }
  /// The caller closes it.
  void* release() noexcept {
    return std::exchange(id_, nullptr);
  }
  bool is_section() const noexcept {
    return section_.id != 0;
  }
  const SectionInfo& section() const noexcept {
    return section_;
  }

 private:
  void* id_ = nullptr;
  SectionInfo section_;
};

inline constexpr auto lock_timeout = std::chrono::milliseconds{50};

/// What a LockFile has open. See windows_lock.cpp.
struct OpenLock {
  explicit OpenLock(Handle file) noexcept : handle{std::move(file)} {}
  OpenLock(const OpenLock&) = delete;
  OpenLock& operator=(const OpenLock&) = delete;
  ~OpenLock();

  /// Returns false without an error if another holds the lock.
  bool try_lock(std::error_code& error) noexcept;
  bool try_lock_byte(std::uint64_t offset, std::error_code& error) noexcept;

  /// What keeps the lock from being taken.
  std::optional<LockResult> obstacle() const noexcept;

  // The system does not report who holds a lock, does not fork, and lets no child inherit a handle.
  static std::uint64_t holder() noexcept {
    return 0;
  }
  static void protect_from_children(void*, std::size_t) noexcept {}
  static void clear_protected_ranges() noexcept {}
  static constexpr bool inherited = false;

  Handle handle;
  Handle event;           // of a section, while it is locked
  std::uint64_t byte = 0; // that stands for what is locked
};

/// Registers a mapping: the system does not find the file behind an address, and so sleepers and wakers find it
/// here. To be destroyed before the mapping is unmapped.
class MappedWords {
 public:
  static MappedWords add(const Handle& handle, const void* begin, std::uint64_t size, std::error_code& error);

 private:
  struct Remove {
    void operator()(const std::byte* begin) const noexcept;
  };
  std::unique_ptr<const std::byte, Remove> begin_;
};

/// Whether the destructor of a std::stop_callback returns if another thread runs the callback. With libstdc++
/// 12 it may wait for ever: where there are no futexes, its semaphore reads the counter before it locks, and
/// misses a change in between.
inline constexpr bool stop_callbacks_return = false;

// A file has the permissions of its directory.
inline void set_mode(const Handle&, std::uint32_t, std::error_code&) noexcept {}

// The system refuses to truncate a mapped file (ERROR_USER_MAPPED_FILE), and a section has a fixed size.
struct TruncationGuard {
  static TruncationGuard protect(const void*, std::uint64_t, Access, std::error_code&) noexcept {
    return {};
  }
  explicit operator bool() const noexcept {
    return false;
  }
  static bool truncated() noexcept {
    return false;
  }
  static void replace_with_zeros() noexcept {}
};

} // namespace seqcast::inline v1::detail::platform
