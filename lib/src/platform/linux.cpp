// SPDX-License-Identifier: BSL-1.0
//
// linux: files. Locks and forks are in linux_lock.cpp.
#include "linux.hpp"

#include <seqcast/error.hpp>

#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace seqcast::inline v1::detail::platform {

namespace {

constexpr int common_flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

FileFacts from(const struct stat& status) noexcept {
  return {.id = {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino)},
          .size = static_cast<std::uint64_t>(status.st_size),
          .regular = S_ISREG(status.st_mode),
          .owner = status.st_uid};
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A later chdir() must not change what the name stands for.
std::string absolute(const std::string& path) {
  if (path.front() == '/') return path;
  std::array<char, PATH_MAX> folder{};
  return ::getcwd(folder.data(), folder.size()) == nullptr ? path : std::string{folder.data()} + "/" + path;
}

std::string temporary_name_of(const std::string& path) {
  return path + ".seqcast-new";
}

/// Whether the name stands for the file that is open.
bool is_name_of(const std::string& name, const Handle& handle) noexcept {
  std::error_code error;
  return facts_of(name, error).id == facts_of(handle, error).id && !error;
}

/// Removes what a publisher left that was killed before it gave its file a name.
/// Errors: publisher_alive or lock_obstructed if it cannot be told from a file in the making.
void remove_unfinished(const std::string& name, std::error_code& error) {
  std::error_code gone;
  LockFile left = LockFile::open(name, gone);
  if (gone == std::errc::no_such_file_or_directory) return;
  if (gone) {
    error = gone;
    return;
  }
  switch (left.lock(error)) {
    case LockFile::Attempt::locked:
      if (is_name_of(name, left.handle())) remove_file(name, error);
      break;
    case LockFile::Attempt::held_by_publisher:
      error = Errc::publisher_alive;
      break;
    case LockFile::Attempt::held_by_other:
      error = Errc::lock_obstructed;
      break;
    case LockFile::Attempt::failed:
      break;
  }
}

std::string path_of_descriptor(int id) {
  return "/proc/self/fd/" + std::to_string(id);
}

/// All zeros where the system has no such number. Anything else that fails is an error: a wrong number would
/// stand for another boot, whose messages nobody believes.
BootId read_boot_id() {
  // 36 characters: 32 hexadecimal digits in five groups.
  std::array<char, 64> text{};
  const Handle source{::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)};
  if (!source && errno != ENOENT && errno != ENOTDIR && errno != EACCES) throw std::system_error{last_error()};
  BootId boot{};
  if (!source || ::read(source.id(), text.data(), text.size() - 1) < 36) return boot;
  std::size_t digits = 0;
  for (const char c : text) {
    const bool decimal = c >= '0' && c <= '9';
    if (!decimal && !(c >= 'a' && c <= 'f')) continue;
    const auto value = static_cast<std::uint64_t>(decimal ? c - '0' : c - 'a' + 10);
    if (digits < 32) boot[digits / 16] = boot[digits / 16] << 4 | value;
    ++digits;
  }
  return boot;
}

} // namespace

std::error_code last_error() noexcept {
  return {errno, std::system_category()};
}

Handle::~Handle() {
  if (id_ >= 0) ::close(id_);
}

std::string path_of(const Location& location, std::error_code& error) {
  const std::string& name = location.name();
  const bool readable = !name.empty() && name.find('\0') == std::string::npos;
  if (location.kind() == Location::Kind::file) {
    if (readable) return absolute(name);
  } else if (readable && name.find('/') == std::string::npos && name != "." && name != "..") {
    return shared_memory_folder(error) + "/" + name;
  }
  error = Errc::invalid_location;
  return {};
}

// Where shm_open() puts them; but link() and rename() need the path.
std::string shared_memory_folder(std::error_code&) {
  return "/dev/shm";
}

Handle open_file(const std::string& path, Access access, std::error_code& error) {
  const int mode = access == Access::read_only ? O_RDONLY : O_RDWR;
  Handle handle{::open(path.c_str(), mode | common_flags)};
  if (!handle) error = last_error();
  return handle;
}

FileFacts facts_of(const Handle& handle, std::error_code& error) {
  struct stat status {};
  if (::fstat(handle.id(), &status) == 0) return from(status);
  error = last_error();
  return {};
}

FileFacts facts_of(const std::string& path, std::error_code& error) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return from(status);
  error = last_error();
  return {};
}

std::optional<std::chrono::system_clock::time_point> birth_time(const Handle& handle) noexcept {
  struct statx facts {};
  if (::statx(handle.id(), "", AT_EMPTY_PATH, STATX_BTIME, &facts) != 0 ||
      (facts.stx_mask & STATX_BTIME) == 0) {
    return std::nullopt;
  }
  const auto since_epoch =
      std::chrono::seconds{facts.stx_btime.tv_sec} + std::chrono::nanoseconds{facts.stx_btime.tv_nsec};
  return std::chrono::system_clock::time_point{
      std::chrono::duration_cast<std::chrono::system_clock::duration>(since_epoch)};
}

std::size_t read_at(const Handle& handle, std::uint64_t offset, void* to, std::size_t size) noexcept {
  ssize_t got = 0;
  do {
    got = ::pread(handle.id(), to, size, static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  return got < 0 ? 0 : static_cast<std::size_t>(got);
}

void remove_file(const std::string& path, std::error_code& error) {
  if (::unlink(path.c_str()) != 0) error = last_error();
}

void remove_leftovers(const std::string& path) {
  const std::string second = temporary_name_of(path);
  std::error_code error;
  if (facts_of(second, error).id == facts_of(path, error).id && !error) remove_file(second, error);
}

void remove_unmapped(const std::string&) {}

void allocate(const Handle& handle, std::uint64_t size, std::error_code& error) {
  int result = 0;
  do {
    result = ::posix_fallocate(handle.id(), 0, static_cast<off_t>(size));
  } while (result == EINTR);
  if (result != 0) error = {result, std::system_category()};
}

void set_mode(const Handle& handle, std::uint32_t mode, std::error_code& error) {
  if (::fchmod(handle.id(), static_cast<mode_t>(mode)) != 0) error = last_error();
}

BootId boot_id(std::error_code& error) noexcept {
  try {
    static const BootId boot = read_boot_id(); // once: no process outlives its boot
    return boot;
  } catch (const std::system_error& failure) {
    error = failure.code();
    return {};
  }
}

std::size_t page_size() noexcept {
  return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t process_id() noexcept {
  return static_cast<std::uint64_t>(::getpid());
}

std::uint64_t user_id() noexcept {
  return ::geteuid();
}

NewFile NewFile::create(const std::string& path, std::uint64_t size, std::uint32_t mode,
                        std::error_code& error) {
  NewFile file;
  if (!file.create_unnamed(path, error) && !error) file.create_named(path, error);
  if (!error) allocate(file.handle_, size, error);
  // After both openings, so that a mode without write permission does no harm; and free of the umask.
  if (!error) set_mode(file.handle_, mode, error);
  return file;
}

void NewFile::obtain_lock(std::error_code& error) noexcept {
  if (lock_.lock(error) != LockFile::Attempt::locked && !error) {
    error = std::make_error_code(std::errc::no_lock_available);
  }
}

// A file that has no name at all leaves nothing behind, whenever its maker dies. Gives false, without an error,
// where the file system or a missing /proc does not allow it.
bool NewFile::create_unnamed(const std::string& path, std::error_code& error) {
  std::error_code unnamed;
  const std::string folder = folder_of(path);
  LockFile lock = open_for_lock(folder.c_str(), O_RDWR | O_CLOEXEC | O_TMPFILE, unnamed);
  if (unnamed) {
    const int code = unnamed.value();
    if (code != EOPNOTSUPP && code != EISDIR && code != EINVAL) error = unnamed;
    return false;
  }
  Handle handle{::open(path_of_descriptor(lock.handle().id()).c_str(), O_RDWR | O_CLOEXEC)};
  if (!handle) return false;
  lock_ = std::move(lock);
  handle_ = std::move(handle);
  obtain_lock(error);
  return true;
}

// Whoever finds the temporary name taken removes it, unless its maker lives: that one holds its lock. It may
// not have it yet, and so looks, when it has, whether the name is still its own. Only who holds a file's lock,
// and has looked, takes the name from it.
void NewFile::create_named(const std::string& path, std::error_code& error) {
  const std::string name = temporary_name_of(path);
  constexpr int attempts = 64;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::error_code taken;
    lock_ = open_for_lock(name.c_str(), O_RDWR | O_CREAT | O_EXCL | common_flags, taken);
    if (taken == std::errc::file_exists) {
      remove_unfinished(name, error);
    } else if (taken) {
      error = taken;
    } else {
      obtain_lock(error);
      if (!error && is_name_of(name, lock_.handle())) {
        temporary_name_ = name;
        handle_ = open_file(name, Access::read_write, error);
        return;
      }
    }
    if (error) return;
  }
  error = std::make_error_code(std::errc::resource_unavailable_try_again);
}

NewFile::~NewFile() {
  drop_temporary_name();
}

void NewFile::drop_temporary_name() noexcept {
  if (!temporary_name_.empty()) ::unlink(temporary_name_.c_str());
  temporary_name_.clear();
}

void NewFile::give_name(const std::string& path, std::error_code& error) {
  if (temporary_name_.empty()) {
    const std::string unnamed = path_of_descriptor(handle_.id());
    if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0)
      error = last_error();
    return;
  }
  // First without a moment at which the file has both names.
  if (::renameat2(AT_FDCWD, temporary_name_.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) {
    temporary_name_.clear();
  } else if (errno != EINVAL && errno != ENOSYS && errno != EPERM) {
    error = last_error();
  } else if (::link(temporary_name_.c_str(), path.c_str()) == 0) { // NFS
    drop_temporary_name();
  } else {
    error = last_error();
  }
}

void NewFile::take_name(const std::string& path, std::error_code& error) {
  if (temporary_name_.empty()) {
    // Under the other file's lock nobody else uses this name; a predecessor may have died with it.
    const std::string intermediate = path + ".new";
    ::unlink(intermediate.c_str());
    give_name(intermediate, error);
    if (error) return;
    temporary_name_ = intermediate;
  }
  if (::rename(temporary_name_.c_str(), path.c_str()) == 0) {
    temporary_name_.clear();
  } else {
    error = last_error();
  }
}

} // namespace seqcast::inline v1::detail::platform
