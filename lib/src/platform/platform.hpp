// SPDX-License-Identifier: BSL-1.0
//
// platform: all that seqcast asks of an operating system. linux.hpp and windows.hpp declare the types that have
// little in common; common.cpp has what both systems do alike. CMake chooses the other source files. Outside
// this folder nothing includes a system header.
//
// Who may call it: lib/src only, from any thread.
//
// Invariants
//   1. Descriptors are closed on exec, never follow a symbolic link and never block at opening.
//   2. A lock is held by a descriptor of its own, which is never mapped: a mapping that a child inherits would
//      keep the lock. A forked child drops it at once.
//   3. A file gets its name when it is complete. No process ever sees an incomplete one.
//   4. No name is removed that this process did not make or was not asked to remove; no temporary one can be
//      guessed.
//   5. Where a system call is refused that only some systems have, another one does the work.
#pragma once

#include <seqcast/options.hpp>

// Handle, NativeHandle, OpenLock. Empty on Windows: TruncationGuard, set_mode(). Empty on Linux: MappedWords.
#if defined(_WIN32)
#include "windows.hpp"
#else
#include "linux.hpp"
#endif

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

namespace seqcast::inline v1::detail::platform {

using clock = std::chrono::steady_clock;

// Files.

enum class Access { read_only, read_write };

/// The name of a file, in a folder that is kept open where the system allows it: what happens to the folder's
/// path later, a chroot() for example, does not matter then. If the folder itself was removed, the path counts.
class Place {
 public:
  Place() = default;
  /// Nothing is kept open.
  explicit Place(std::string path) : path_{std::move(path)} {}

  /// The absolute path, as it was when the place was found.
  const std::string& path() const noexcept {
    return path_;
  }
  /// The path's last part.
  std::string name() const;
  /// Another name in the same folder.
  Place sibling(const std::string& name) const;
  /// A name in the same folder that nobody can guess: that of a new file which is to get this name.
  Place temporary_sibling() const;
  /// Opens the folder. Without it, as where it does not exist yet, the path counts.
  void keep_folder();
  /// Null if it is not open.
  const Handle* folder() const noexcept {
    return folder_.get();
  }

 private:
  std::string path_;
  std::shared_ptr<const Handle> folder_;
};

/// Identifies a file, whatever its names.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
};

struct FileStatus {
  FileId id;
  std::uint64_t size = 0;  // bytes
  std::uint64_t block = 0; // bytes; some file systems round sizes up to a multiple of it
  bool regular = false;
  std::uint64_t owner = 0; // compares with user_id()
};
/// FileStatus::owner of a user who is unknown in this user namespace: two such files may have different owners.
inline constexpr std::uint64_t unknown_user = ~std::uint64_t{0};

/// Where a location's file is. Errors: Errc::invalid_location.
Place place_of(const Location& location, std::error_code& error);

/// The directory of the shared-memory objects. Errors: std::errc::not_supported where they are no files.
std::string shared_memory_folder(std::error_code& error);

Handle open_file(const Place& place, Access access, std::error_code& error);
FileStatus file_status(const Handle& handle, std::error_code& error);
/// Of a symbolic link: the link's own status.
FileStatus file_status(const Place& place, std::error_code& error);
/// Whether the name leads to the file. The id is to be taken before the file is renamed: of an open file that was
/// renamed, Wine no longer tells the device.
bool is_name_of(const Place& place, FileId id) noexcept;
bool is_name_of(const Place& place, const Handle& handle) noexcept;
/// Whether the file is kept in memory only, so that no restart of the machine leaves anything of it.
bool in_memory(const Handle& handle) noexcept;
/// The names of the regular files in a folder, in no order; links are left out. Opens none of them: even opening and
/// closing a FIFO or a device can disturb other processes. Errors: the system's, also where there is no memory.
std::vector<std::string> regular_files_in(const std::string& folder, std::error_code& error);
/// When the file was created, by the wall clock. Empty where the file system does not record it.
std::optional<std::chrono::system_clock::time_point> birth_time(const Handle& handle) noexcept;
/// Reads up to `size` bytes from `offset`. Returns how many were read; 0 after an error.
std::size_t read_at(const Handle& handle, std::uint64_t offset, void* to, std::size_t size) noexcept;
/// Removes the name, whether or not a process has the file open or mapped.
void remove_file(const Place& place, std::error_code& error);
/// On Windows, deletes the files that have lost this name and are no longer mapped: the system keeps them until
/// then. To be called after such a file was unmapped. Linux does this by itself.
void delete_unmapped_files(const Place& place);

/// How many bytes to map for `size` bytes of the file: a file system of huge pages maps only whole ones.
std::uint64_t mapped_size(const Handle& handle, std::uint64_t size) noexcept;
/// Allocates storage for every byte, so that no store into a mapping fails later. Keeps the content.
/// Errors: the system's; std::errc::file_too_large where that is a limit of this process (ulimit -f).
void allocate(const Handle& handle, std::uint64_t size, std::error_code& error);

// Locks.

enum class LockResult { locked, held_by_publisher, held_by_other, failed };

/// Whether a process holds the lock of a LockFile on this file. Read access is not enough to fake that.
bool publisher_lock_held(const Handle& handle) noexcept;

/// Whether a process holds the lock on this byte, by LockFile::try_lock_byte(). As publisher_lock_held().
bool byte_lock_held(const Handle& handle, std::uint64_t offset) noexcept;

/// A file that is open for its lock. The destructor releases the lock.
class LockFile {
 public:
  LockFile() noexcept = default;
  explicit LockFile(std::unique_ptr<OpenLock> lock) noexcept : lock_{std::move(lock)} {}

  static LockFile open(const Place& place, std::error_code& error);
  explicit operator bool() const noexcept {
    return lock_ != nullptr;
  }
  const Handle& handle() const noexcept {
    return lock_->handle;
  }

  /// Takes the exclusive lock. The kernel releases it when this process ends, even if it is killed. Tries for
  /// lock_timeout if the lock is held: a killed process's lock is released a little after its death.
  LockResult lock(std::error_code& error) noexcept;

  /// Takes a lock on one byte instead, which the kernel releases likewise. False without an error if it is held.
  bool try_lock_byte(std::uint64_t offset, std::error_code& error) noexcept {
    return lock_->try_lock_byte(offset, error);
  }

  /// After LockResult::held_by_other: the process that holds the lock; 0 if the system does not report it.
  std::uint64_t holder() const noexcept {
    return lock_->holder();
  }

  /// In a forked child these bytes become private memory, so that the child cannot write to the channel.
  void protect_from_children(void* address, std::size_t size) noexcept {
    lock_->protect_from_children(address, size);
  }
  /// Ends this protection of all ranges. To be called before they are unmapped.
  void clear_protected_ranges() noexcept {
    lock_->clear_protected_ranges();
  }
  /// Whether this process is a forked child of the one that opened the file.
  bool inherited() const noexcept {
    return lock_ != nullptr && lock_->inherited;
  }

 private:
  std::unique_ptr<OpenLock> lock_;
};

/// A new file that is locked and has no name yet, or only a temporary one. The destructor deletes it if it
/// never got its name. If its creator is killed, a file with a temporary name stays.
class NewFile {
 public:
  /// Unnamed files are deleted by the system if their creator is killed, but not all systems and file systems
  /// have them, or can give them a name later.
  enum class Kind { unnamed_if_possible, named };

  NewFile() noexcept = default;
  NewFile(NewFile&& other) noexcept {
    *this = std::move(other);
  }
  NewFile& operator=(NewFile&& other) noexcept {
    std::swap(lock_, other.lock_);
    std::swap(handle_, other.handle_);
    std::swap(temporary_name_, other.temporary_name_);
    return *this;
  }
  ~NewFile();

  /// In the folder of `place`: `size` bytes of zeros, all of them allocated, locked.
  static NewFile create(const Place& place, std::uint64_t size, std::uint32_t mode, Kind kind,
                        std::error_code& error);

  /// For mapping. Not the descriptor that holds the lock.
  const Handle& handle() const noexcept {
    return handle_;
  }
  bool has_temporary_name() const noexcept {
    return temporary_name_.has_value();
  }

  /// Gives the file its name. Errors: std::errc::file_exists if another file has the name, and keeps it. Any
  /// other error, if there is no temporary name: the system may give one to a file of Kind::named.
  void link_to(const Place& place, std::error_code& error);
  /// Gives the file the name of another file. Requires: the caller holds the other file's lock.
  void rename_over(const Place& place, std::error_code& error);

  LockFile take_lock() noexcept {
    return std::move(lock_);
  }

 private:
  // Returns false, without an error, where the system or the file system has no unnamed files.
  bool create_unnamed(const Place& place, std::uint64_t size, std::error_code& error);
  void create_named(const Place& place, std::uint64_t size, std::error_code& error);
  void obtain_lock(std::error_code& error) noexcept;
  void remove_temporary_name() noexcept;

  LockFile lock_;
  Handle handle_;
  std::optional<Place> temporary_name_;
};

/// An empty, locked file that keeps others from making a channel of that name; the destructor removes it.
class NameGuard {
 public:
  /// Errors: std::errc::file_exists if there is a file of that name.
  NameGuard(const Place& place, std::error_code& error);
  NameGuard(const NameGuard&) = delete;
  NameGuard& operator=(const NameGuard&) = delete;
  ~NameGuard();
  /// Another file has got the name.
  void release() noexcept {
    lock_ = {};
  }

 private:
  const Place& place_;
  LockFile lock_;
};

// Sleeping and waking.

/// A 32-bit word, and the value that it must have for a sleep to begin.
struct WaitWord {
  const std::uint32_t* word;
  std::uint32_t expected;
  friend bool operator==(const WaitWord&, const WaitWord&) = default;
};

/// Sleeps until a word is woken, a word is not as expected, or the deadline; may also end for no reason.
/// Returns whether a word may have been woken. Works across processes and on read-only mappings.
/// Requires: the words stay mapped until it returns.
bool wait_on_words(std::span<const WaitWord> words, clock::time_point deadline) noexcept;

/// Wakes all threads, of all processes, that sleep on the word.
void wake_all(const std::uint32_t* word) noexcept;

/// Keeps pthread_cancel() from ending this thread inside a noexcept function, which would end the process.
class NoCancellation {
 public:
  NoCancellation() noexcept;
  NoCancellation(const NoCancellation&) = delete;
  NoCancellation& operator=(const NoCancellation&) = delete;
  ~NoCancellation();

  /// Ends the thread here if that was requested, and if the caller had not forbidden it.
  void act_on_request() const;

 private:
  int before_ = 0;
};

/// Starts a thread that gets no signal of the program's, only those of its own faults.
std::thread start_without_signals(std::function<void()> run);

/// What an event loop can wait on: the descriptor of an eventfd, or the handle of an event.
class Event {
 public:
  Event() noexcept = default;
  static Event make(std::error_code& error);

  NativeHandle id() const noexcept {
    return handle_.id();
  }
  /// Makes it readable.
  void set() noexcept;
  /// Makes it unreadable.
  void clear() noexcept;

 private:
  Handle handle_;
};

// Memory, process and machine.

/// Keeps a mapping in memory for as long as it lives. Errors: the system's, as where a limit is exceeded.
void lock_memory(const void* address, std::size_t size, std::error_code& error) noexcept;
std::size_t page_size() noexcept;

/// Which boot of the machine it is. A container may have an id of its own; the time is the machine's.
struct Boot {
  std::array<std::uint64_t, 2> id{}; // all zeros where the system does not report it
  std::uint64_t time_ns = 0;         // of the boot, by the wall clock; 0 where the system does not report it
};
/// The id is read once per process. After a first success this never fails, and opens no descriptor.
Boot current_boot(std::error_code& error) noexcept;
std::uint64_t process_id() noexcept;
/// The user that this process runs as; compares with FileStatus::owner.
std::uint64_t user_id() noexcept;

// Not for lib/src: what common.cpp and the systems' files share.

/// errno, or GetLastError().
std::error_code last_error() noexcept;
/// Creates a file, to be locked. Errors: std::errc::file_exists if a file has that name.
LockFile create_for_lock(const Place& place, std::error_code& error);
/// A number that nobody can guess, where the system has such numbers.
std::uint64_t random_number() noexcept;
/// The end of a temporary name: ".seqcast-new-" and 16 random hexadecimal digits.
std::string temporary_suffix();
/// wait_on_words(). Empty if the system cannot wait on all of these words; without words it always sleeps.
std::optional<bool> try_wait(std::span<const WaitWord> words, clock::time_point deadline) noexcept;
/// Boot::id, without a cache. Throws std::system_error.
std::array<std::uint64_t, 2> read_boot_id();
/// Boot::time_ns.
std::uint64_t boot_time_ns() noexcept;

} // namespace seqcast::inline v1::detail::platform
