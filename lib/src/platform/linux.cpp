// SPDX-License-Identifier: BSL-1.0
//
// linux: files, the process and the machine. Locks and forks are in linux_lock.cpp.
#include "platform.hpp"

#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace seqcast::inline v1::detail::platform {

namespace {

constexpr int common_flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

FileStatus from(const struct stat& status) noexcept {
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

// So that a later chdir() does not change which file the path names.
std::string absolute(const std::string& path) {
  if (path.front() == '/') return path;
  std::array<char, PATH_MAX> folder{};
  return ::getcwd(folder.data(), folder.size()) == nullptr ? path : std::string{folder.data()} + "/" + path;
}

std::string path_of_descriptor(int id) {
  return "/proc/self/fd/" + std::to_string(id);
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

// Where shm_open() creates them; but link() and rename() need the path.
std::string shared_memory_folder(std::error_code&) {
  return "/dev/shm";
}

Handle open_file(const std::string& path, Access access, std::error_code& error) {
  const int mode = access == Access::read_only ? O_RDONLY : O_RDWR;
  Handle handle{::open(path.c_str(), mode | common_flags)};
  if (!handle) error = last_error();
  return handle;
}

FileStatus file_status(const Handle& handle, std::error_code& error) {
  struct stat status {};
  if (::fstat(handle.id(), &status) == 0) return from(status);
  error = last_error();
  return {};
}

FileStatus file_status(const std::string& path, std::error_code& error) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return from(status);
  error = last_error();
  return {};
}

std::optional<std::chrono::system_clock::time_point> birth_time(const Handle& handle) noexcept {
  struct statx status {};
  if (::statx(handle.id(), "", AT_EMPTY_PATH, STATX_BTIME, &status) != 0 ||
      (status.stx_mask & STATX_BTIME) == 0)
    return std::nullopt;
  const auto since_epoch =
      std::chrono::seconds{status.stx_btime.tv_sec} + std::chrono::nanoseconds{status.stx_btime.tv_nsec};
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

LockFile LockFile::open(const std::string& path, std::error_code& error) {
  return open_for_lock(path, O_RDWR | common_flags, error);
}

LockFile create_for_lock(const std::string& path, std::error_code& error) {
  return open_for_lock(path, O_RDWR | O_CREAT | O_EXCL | common_flags, error);
}

// Such a file leaves nothing behind, whenever its creator dies. Not all file systems have it, and opening it a
// second time needs /proc.
bool NewFile::create_unnamed(const std::string& path, std::uint64_t size, std::error_code& error) {
  std::error_code refused;
  LockFile lock = open_for_lock(folder_of(path), O_RDWR | O_CLOEXEC | O_TMPFILE, refused);
  if (refused) {
    const int code = refused.value();
    if (code != EOPNOTSUPP && code != EISDIR && code != EINVAL) error = refused;
    return false;
  }
  Handle handle{::open(path_of_descriptor(lock.handle().id()).c_str(), O_RDWR | O_CLOEXEC)};
  if (!handle) return false;
  lock_ = std::move(lock);
  handle_ = std::move(handle);
  obtain_lock(error);
  if (!error) allocate(handle_, size, error);
  return true;
}

void NewFile::link_to(const std::string& path, std::error_code& error) {
  const char* const name = temporary_name_.c_str();
  if (temporary_name_.empty()) {
    const std::string unnamed = path_of_descriptor(handle_.id());
    const int linked = ::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW);
    if (linked != 0) error = last_error(); // before freeing `unnamed` can change it
    return;
  }
  if (::renameat2(AT_FDCWD, name, AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) {
    return temporary_name_.clear();
  }
  if ((errno == EINVAL || errno == ENOSYS || errno == EPERM) && ::link(name, path.c_str()) == 0) {
    return remove_temporary_name(); // on NFS; for a moment the file has both names
  }
  error = last_error();
}

void NewFile::rename_over(const std::string& path, std::error_code& error) {
  if (temporary_name_.empty()) {
    // No other process uses this name under the other file's lock. A publisher that was killed may have
    // left it.
    const std::string intermediate = path + ".new";
    ::unlink(intermediate.c_str());
    link_to(intermediate, error);
    if (error) return;
    temporary_name_ = intermediate;
  }
  if (::rename(temporary_name_.c_str(), path.c_str()) == 0) {
    temporary_name_.clear();
  } else {
    error = last_error();
  }
}

void lock_memory(const void* address, std::size_t size, std::error_code& error) noexcept {
  if (::mlock(address, size) != 0) error = last_error();
}

std::size_t page_size() noexcept {
  return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// All zeros where the file is missing or unreadable. Any other failure is an error: a wrong number would stand
// for another boot, and a successor would discard the messages of this one.
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

std::uint64_t process_id() noexcept {
  return static_cast<std::uint64_t>(::getpid());
}

std::uint64_t user_id() noexcept {
  return ::geteuid();
}

} // namespace seqcast::inline v1::detail::platform
