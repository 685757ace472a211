// SPDX-License-Identifier: BSL-1.0
//
// platform: all that seqcast asks of an operating system. One implementation per system, chosen by CMake;
// nothing outside this folder includes a system header.
//
// Who may call it: lib/src only, from any thread.
//
// Invariants
//   1. Descriptors are closed on exec, never follow a symbolic link and never block at opening.
//   2. A LockFile's lock lives on a descriptor of its own, which is never mapped: a mapping that a child
//      inherits would keep the lock. Forked children drop it at once.
//   3. A name is given to a finished file only; nobody ever sees half of one.
#pragma once

#include <seqcast/options.hpp>

#if defined(_WIN32)
#include "windows_handle.hpp"
#else
#include "linux_handle.hpp"
#endif

#include <array>
#include <memory>
#include <span>
#include <system_error>

namespace seqcast::inline v1::detail::platform {

enum class Access { read_only, read_write };

/// What tells one file from another, whatever their names.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
};

struct FileFacts {
  FileId id;
  std::uint64_t size = 0; // bytes
  bool regular = false;
  std::uint64_t owner = 0;
};

/// The path of a location. Errors: Errc::invalid_location.
std::string path_of(const Location& location, std::error_code& error);

/// The folder whose files are the shared-memory objects. Errors: std::errc::not_supported where they are no
/// files.
std::string shared_memory_folder(std::error_code& error);

Handle open_file(const std::string& path, Access access, std::error_code& error);
FileFacts facts_of(const Handle& handle, std::error_code& error);
/// Of whatever the name stands for, a symbolic link included.
FileFacts facts_of(const std::string& path, std::error_code& error);
/// When the file was made, by the wall clock; nothing where the file system does not keep that.
std::optional<std::chrono::system_clock::time_point> birth_time(const Handle& handle) noexcept;
/// Reads up to `size` bytes from `offset`. Gives how many there were.
std::size_t read_at(const Handle& handle, std::uint64_t offset, void* to, std::size_t size) noexcept;
void remove_file(const std::string& path, std::error_code& error);
/// Removes what lies beside the right name because somebody was killed: a temporary name that a NewFile's maker
/// left; and what remove_unmapped() does.
/// Requires: the caller holds the lock of that file, or of the region that it belongs to.
void remove_leftovers(const std::string& path);
/// To be called when a mapping of a file that has lost its name has ended. Windows keeps such files for as long
/// as they are mapped; this deletes those that no longer are. Nothing on Linux.
void remove_unmapped(const std::string& path);

/// Makes sure that every byte of the file has its place on the disk or in memory, so that no store into a
/// mapping fails later. Content stays as it is.
void allocate(const Handle& handle, std::uint64_t size, std::error_code& error);

/// Whether some process holds the lock of a LockFile on this file. Nobody who can only read it can fake that.
bool publisher_lock_held(const Handle& handle) noexcept;

/// A file opened for the sake of its lock.
class LockFile {
 public:
  enum class Attempt { locked, held_by_publisher, held_by_other, failed };

  LockFile() noexcept;
  LockFile(LockFile&&) noexcept;
  LockFile& operator=(LockFile&&) noexcept;
  /// Releases the lock.
  ~LockFile();

  static LockFile open(const std::string& path, std::error_code& error);
  /// Of a file that was opened for this.
  static LockFile adopt(Handle handle);

  explicit operator bool() const noexcept;
  const Handle& handle() const noexcept;

  /// Takes the exclusive lock, which the kernel releases when this process dies, however it dies. A lock that
  /// is held is tried again for about 20 ms: that of a killed process is freed a little later than its death.
  Attempt lock(std::error_code& error) noexcept;

  /// With Attempt::held_by_other: the process that holds it, or 0 if the system does not tell.
  std::uint64_t holder() const noexcept;

  /// In a forked child these bytes become private memory, so that the child cannot write to the channel.
  void keep_from_children(void* address, std::size_t size) noexcept;
  /// The opposite, for all of them: before they are unmapped.
  void forget_children() noexcept;

  /// True in a forked child of the process that opened it.
  bool inherited() const noexcept;

 private:
  struct Entry;
  std::unique_ptr<Entry> entry_;
};

/// A file in the making: it has no name that anybody knows, is locked, and vanishes if it never gets one. Where
/// the system or the file system knows no unnamed files it has a temporary name beside the one it is to get:
/// NAME.seqcast-new. If its maker is killed, that stays until the next file of the same name is made.
class NewFile {
 public:
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

  /// In the folder of `path`, `size` bytes of zeros, all of them allocated, locked.
  /// Requires: `path` stands for no file, or for one that the caller has locked.
  /// Errors: Errc::publisher_alive if somebody else is making the same file, where it has a temporary name.
  static NewFile create(const std::string& path, std::uint64_t size, std::uint32_t mode,
                        std::error_code& error);

  /// For mapping; another open file than the locked one.
  const Handle& handle() const noexcept {
    return handle_;
  }

  /// Gives the file its name. Errors: std::errc::file_exists if the name is taken, and then it stays so.
  void give_name(const std::string& path, std::error_code& error);
  /// Gives the file its name, which another file loses. Requires: the caller holds the other one's lock.
  void take_name(const std::string& path, std::error_code& error);

  LockFile take_lock() noexcept {
    return std::move(lock_);
  }

 private:
  bool create_unnamed(const std::string& path, std::error_code& error); // where there is such a thing
  void create_named(const std::string& path, std::error_code& error);
  void obtain_lock(std::error_code& error) noexcept;
  void drop_temporary_name() noexcept;

  LockFile lock_;
  Handle handle_;
  std::string temporary_name_; // empty for a file without any name
};

/// Gives the file other permissions; nothing on Windows, where a file has those of its folder.
void set_mode(const Handle& handle, std::uint32_t mode, std::error_code& error);

/// Makes the words of a mapping known as those of its file, for as long as it lives: a system whose kernel does
/// not see through an address (Windows) finds by it what sleepers and wakers have in common.
class MappedWords {
 public:
  MappedWords() noexcept = default;
  MappedWords(MappedWords&& other) noexcept : begin_{std::exchange(other.begin_, nullptr)} {}
  MappedWords& operator=(MappedWords&& other) noexcept {
    std::swap(begin_, other.begin_);
    return *this;
  }
  ~MappedWords();

  /// To be destroyed before the mapping is unmapped.
  static MappedWords announce(const Handle& handle, const void* begin, std::uint64_t size,
                              std::error_code& error);

 private:
  const void* begin_ = nullptr;
};

/// A futex word, and what it has to be for a sleep to begin.
struct SleepOn {
  const std::uint32_t* word;
  std::uint32_t expected;
  friend bool operator==(const SleepOn&, const SleepOn&) = default;
};

/// Sleeps until a word is woken, is not as expected, or until the deadline; or for no reason at all. Gives
/// whether it may have been woken. Works across processes and on read-only mappings.
/// Requires: the words stay mapped until it returns.
bool sleep_on(std::span<const SleepOn> words, std::chrono::steady_clock::time_point deadline) noexcept;

/// Wakes all who sleep on the word, in whatever process.
void wake_all(const std::uint32_t* word) noexcept;

/// Whether a std::stop_callback can be trusted to be destroyed while another thread runs it.
bool stop_callbacks_end() noexcept;

/// What an event loop can wait on: a descriptor, or the number of an event's handle.
class Signal {
 public:
  Signal() noexcept = default;
  static Signal make(std::error_code& error);

  int id() const noexcept;
  /// Makes it readable.
  void set() noexcept;
  /// Makes it unreadable.
  void clear() noexcept;

 private:
  Handle handle_;
};

/// Keeps a mapping readable when somebody truncates its file. Without it the next look beyond the file's end is
/// a SIGBUS, which kills the process; Windows does not let anybody truncate a mapped file, so there it has
/// nothing to do. Movable; to be destroyed before its mapping is unmapped.
class TruncationGuard {
 public:
  /// Protects nothing.
  TruncationGuard() noexcept = default;
  TruncationGuard(TruncationGuard&& other) noexcept : entry_{std::exchange(other.entry_, nullptr)} {}
  TruncationGuard& operator=(TruncationGuard&& other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~TruncationGuard();

  /// From here on a look beyond the file's end turns the whole mapping into private zeros, for good.
  /// Installs a process-wide handler for SIGBUS, once, which passes on what is not its own.
  static TruncationGuard protect(const void* address, std::uint64_t size, Access access,
                                 std::error_code& error);

  explicit operator bool() const noexcept {
    return entry_ != nullptr;
  }
  /// Whether the mapping is zeros now.
  bool truncated() const noexcept;
  /// Turns it into zeros at once.
  void give_up() const noexcept;

 private:
  struct Entry;
  static bool install() noexcept;
  static bool survive(const void* address) noexcept;
  Entry* entry_ = nullptr;
};

/// Where `size` bytes could be mapped so that huge pages fit; null where that is all the same. Nothing is kept
/// for the caller: another thread may take the place first.
void* address_for_huge_pages(std::size_t size) noexcept;
/// Has a mapping's memory made of huge pages, as far as the system can and is allowed to.
void use_huge_pages(void* address, std::size_t size) noexcept;
/// Keeps a mapping in memory for as long as it lives. Errors: the system's, as where a limit is in the way.
void lock_memory(const void* address, std::size_t size, std::error_code& error) noexcept;

/// Bytes that the system maps, protects and loads at once.
std::size_t page_size() noexcept;

/// Tells one boot of the machine from another.
using BootId = std::array<std::uint64_t, 2>;
/// Read once per process; after a first success it never fails, and opens no descriptor.
BootId boot_id(std::error_code& error) noexcept;
std::uint64_t process_id() noexcept;
/// The user that this process runs as, in the terms of FileFacts::owner.
std::uint64_t user_id() noexcept;

} // namespace seqcast::inline v1::detail::platform
