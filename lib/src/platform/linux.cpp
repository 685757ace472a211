// SPDX-License-Identifier: BSL-1.0
//
// linux: files, the process and the machine. Locks and forks are in linux_lock.cpp.
#include "platform.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace seqcast::inline v1::detail::platform {

namespace {

constexpr int common_flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

/// The content of a small file in /proc; empty, and errno, if it cannot be read.
std::string_view read_small(const char* path, std::span<char> buffer) noexcept {
  const Handle source{::open(path, O_RDONLY | O_CLOEXEC)};
  const ssize_t size = source ? ::read(source.id(), buffer.data(), buffer.size() - 1) : -1;
  return {buffer.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
}

/// The user id that stands for every user who is unknown in this user namespace.
std::uint64_t overflow_user() noexcept {
  static const std::uint64_t user = [] {
    std::array<char, 32> text{};
    return read_small("/proc/sys/kernel/overflowuid", text).empty() ? 65534
                                                                    : std::strtoull(text.data(), nullptr, 10);
  }();
  return user;
}

FileStatus from(const struct stat& status) noexcept {
  return {
      .id = {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino)},
      .size = static_cast<std::uint64_t>(status.st_size),
      .block = static_cast<std::uint64_t>(status.st_blksize),
      .regular = S_ISREG(status.st_mode),
      .owner = status.st_uid == overflow_user() && status.st_uid != ::geteuid() ? unknown_user : status.st_uid};
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

/// So that a new file can be opened again, whatever the umask. Some file systems have no modes, and need none.
void open_to_owner(const Handle& handle) noexcept {
  ::fchmod(handle.id(), 0600);
}

bool was_removed(const Handle& folder) noexcept {
  struct stat status {};
  return ::fstat(folder.id(), &status) == 0 && status.st_nlink == 0;
}

/// Calls `call(folder, name)`, an openat() or the like that gives -1 and an errno, for a place.
template <class Call>
int call_at(const Place& place, const Call& call) {
  const char* const path = place.path().c_str();
  if (place.folder() != nullptr) {
    const int result = call(place.folder()->id(), path + (place.path().rfind('/') + 1));
    if (result >= 0 || errno != ENOENT || !was_removed(*place.folder())) return result;
  }
  return call(AT_FDCWD, path);
}

/// How far the clock of this time namespace is ahead of the machine's time since its boot.
std::int64_t boot_clock_offset_ns() noexcept {
  static const std::int64_t offset = []() -> std::int64_t {
    std::array<char, 256> text{};
    constexpr std::string_view key = "boottime";
    const std::size_t found = read_small("/proc/self/timens_offsets", text).find(key);
    if (found == std::string_view::npos) return 0;
    char* end = text.data() + found + key.size();
    const std::int64_t seconds = std::strtoll(end, &end, 10);
    return seconds * 1'000'000'000 + std::strtoll(end, &end, 10);
  }();
  return offset;
}

std::int64_t now_ns(clockid_t clock) noexcept {
  struct timespec now {};
  return ::clock_gettime(clock, &now) != 0 ? 0 : std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// Storage for the bytes from `begin` to `end`, by writing into each block what its last byte is already.
int write_blocks(int id, off_t begin, off_t end) noexcept {
  constexpr off_t block = 4096; // no file system allocates less than this without allocating all of it
  for (off_t next = begin; next < end;) {
    next = std::min(end, (next / block + 1) * block);
    char byte = 0;
    if (::pread(id, &byte, 1, next - 1) < 0 || ::pwrite(id, &byte, 1, next - 1) < 0) return errno;
  }
  return 0;
}

/// As write_blocks(); in one system call where the system and the file system have it.
int allocate_blocks(int id, off_t begin, off_t end) noexcept {
  if (::fallocate(id, 0, begin, end - begin) == 0) return 0;
  switch (errno) {
    case EINTR:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EIO:
    case ENOMEM:
      return errno;
    default:
      return write_blocks(id, begin, end);
  }
}

/// On a tmpfs a signal undoes what the interrupted call has allocated, and signals may come faster than that.
/// In parts, so that none is delayed for long.
int allocate_without_signals(int id, std::uint64_t size) noexcept {
  constexpr std::uint64_t part = std::uint64_t{1} << 26;
  int result = 0;
  sigset_t all, before;
  ::sigfillset(&all);
  for (std::uint64_t begin = 0; begin < size && result == 0; begin += part) {
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    do {
      result = allocate_blocks(id, static_cast<off_t>(begin), static_cast<off_t>(std::min(size, begin + part)));
    } while (result == EINTR);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  return result;
}

} // namespace

std::error_code last_error() noexcept {
  return {errno, std::system_category()};
}

Handle::Handle(int id) noexcept : id_{id} {
  if (id < 0 || id > STDERR_FILENO) return;
  id_ = ::fcntl(id, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int error = errno;
  ::close(id);
  errno = error;
}

Handle::~Handle() {
  if (id_ >= 0) ::close(id_);
}

void Place::keep_folder() {
  const std::string folder = path_.substr(0, path_.rfind('/') + 1);
  // None where the path of the current folder is too long, or gone.
  Handle handle{::open(folder.empty() ? "." : folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (handle) folder_ = std::make_shared<const Handle>(std::move(handle));
}

Place place_of(const Location& location, std::error_code& error) {
  const std::string& name = location.name();
  const bool readable = !name.empty() && name.find('\0') == std::string::npos;
  Place place;
  if (location.kind() == Location::Kind::file) {
    if (readable) place = Place{absolute(name)};
  } else if (readable && name.find('/') == std::string::npos && name != "." && name != "..") {
    place = Place{shared_memory_folder(error) + "/" + name};
  }
  if (place.path().empty()) {
    error = Errc::invalid_location;
  } else {
    place.keep_folder();
  }
  return place;
}

// Where shm_open() creates them; but link() and rename() need the path.
std::string shared_memory_folder(std::error_code&) {
  return "/dev/shm";
}

int open_at(const Place& place, int flags, unsigned mode) noexcept {
  return call_at(place, [&](int folder, const char* name) { return ::openat(folder, name, flags, mode); });
}

Handle open_file(const Place& place, Access access, std::error_code& error) {
  const int mode = access == Access::read_only ? O_RDONLY : O_RDWR;
  Handle handle{open_at(place, mode | common_flags, 0)};
  if (!handle) error = last_error();
  return handle;
}

FileStatus file_status(const Handle& handle, std::error_code& error) {
  struct stat status {};
  if (::fstat(handle.id(), &status) != 0) {
    error = last_error();
    return {};
  }
  FileStatus found = from(status);
  // This user's number, and also that of every unknown one: only the owner may set the mode.
  if (found.owner == overflow_user() && ::fchmod(handle.id(), status.st_mode & 07777) != 0)
    found.owner = unknown_user;
  return found;
}

FileStatus file_status(const Place& place, std::error_code& error) {
  struct stat status {};
  const auto call = [&](int folder, const char* name) {
    return ::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW);
  };
  if (call_at(place, call) == 0) return from(status);
  error = last_error();
  return {};
}

// Not by std::filesystem: without memory, libstdc++'s directory_iterator ends the process.
std::vector<std::string> regular_files_in(const std::string& folder, std::error_code& error) {
  const auto close = [](DIR* open) { ::closedir(open); };
  const std::unique_ptr<DIR, decltype(close)> entries{::opendir(folder.c_str()), close};
  std::vector<std::string> names;
  while (entries) {
    errno = 0;
    const struct dirent* const entry = ::readdir(entries.get());
    if (entry == nullptr) break;
    bool regular = entry->d_type == DT_REG;
    if (entry->d_type == DT_UNKNOWN) { // some file systems do not say
      struct stat status {};
      regular = ::fstatat(::dirfd(entries.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISREG(status.st_mode);
    }
    if (regular) names.emplace_back(entry->d_name);
  }
  if (errno != 0) error = last_error(); // of opendir() or of readdir()
  return names;
}

bool in_memory(const Handle& handle) noexcept {
  struct statfs system {};
  if (::fstatfs(handle.id(), &system) != 0) return false;
  return system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC || system.f_type == HUGETLBFS_MAGIC;
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

std::uint64_t mapped_size(const Handle& handle, std::uint64_t size) noexcept {
  struct statfs system {};
  if (::fstatfs(handle.id(), &system) != 0 || system.f_type != HUGETLBFS_MAGIC) return size;
  const auto page = static_cast<std::uint64_t>(system.f_bsize);
  return (size + page - 1) / page * page;
}

void remove_file(const Place& place, std::error_code& error) {
  if (call_at(place, [](int folder, const char* name) { return ::unlinkat(folder, name, 0); }) != 0)
    error = last_error();
}

void delete_unmapped_files(const Place&) {}

void allocate(const Handle& handle, std::uint64_t size, std::error_code& error) {
  struct rlimit limit {};
  struct stat status {};
  const bool longer = ::fstat(handle.id(), &status) == 0 && size > static_cast<std::uint64_t>(status.st_size);
  // Beyond the limit the kernel would kill the process (SIGXFSZ).
  if (longer && ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur) {
    error = std::make_error_code(std::errc::file_too_large);
    return;
  }
  // All at once, so that a file that is too large is refused at once.
  int result = allocate_blocks(handle.id(), 0, static_cast<off_t>(size));
  if (result == EINTR) result = allocate_without_signals(handle.id(), size);
  if (result != 0) error = {result, std::system_category()};
}

void set_mode(const Handle& handle, std::uint32_t mode, std::error_code& error) {
  if (::fchmod(handle.id(), static_cast<mode_t>(mode)) != 0) error = last_error();
}

LockFile LockFile::open(const Place& place, std::error_code& error) {
  return open_for_lock(place, O_RDWR | common_flags, error);
}

LockFile create_for_lock(const Place& place, std::error_code& error) {
  LockFile lock = open_for_lock(place, O_RDWR | O_CREAT | O_EXCL | common_flags, error);
  if (!error) open_to_owner(lock.handle());
  return lock;
}

// Opening it a second time needs /proc.
bool NewFile::create_unnamed(const Place& place, std::uint64_t size, std::error_code& error) {
  std::error_code refused;
  LockFile lock = open_for_lock(place.sibling("."), O_RDWR | O_CLOEXEC | O_TMPFILE, refused);
  if (refused) return false;
  open_to_owner(lock.handle());
  Handle handle{::open(path_of_descriptor(lock.handle().id()).c_str(), O_RDWR | O_CLOEXEC)};
  if (!handle) return false;
  lock_ = std::move(lock);
  handle_ = std::move(handle);
  obtain_lock(error);
  if (!error) allocate(handle_, size, error);
  return true;
}

void NewFile::link_to(const Place& place, std::error_code& error) {
  const std::string unnamed = path_of_descriptor(handle_.id());
  const auto link = [&](int folder, const char* name) {
    return ::linkat(AT_FDCWD, unnamed.c_str(), folder, name, AT_SYMLINK_FOLLOW);
  };
  const auto rename = [this](int folder, const char* name) {
    return call_at(*temporary_name_, [&](int old_folder, const char* old_name) {
      return ::renameat2(old_folder, old_name, folder, name, RENAME_NOREPLACE);
    });
  };
  if (!has_temporary_name()) {
    if (call_at(place, link) != 0) error = last_error();
    return;
  }
  if (call_at(place, rename) == 0) return temporary_name_.reset();
  if (errno == EEXIST) {
    error = last_error();
    return;
  }
  // Not by link() and unlink(): on some FUSE file systems the new name would be another file.
  NameGuard guard{place, error};
  if (error) return;
  rename_over(place, error);
  if (!error) guard.release();
}

void NewFile::rename_over(const Place& place, std::error_code& error) {
  if (!has_temporary_name()) {
    Place temporary = place.temporary_sibling();
    link_to(temporary, error);
    if (error) return;
    temporary_name_ = std::move(temporary);
  }
  const auto rename = [this](int folder, const char* name) {
    return call_at(*temporary_name_, [&](int old_folder, const char* old_name) {
      return ::renameat(old_folder, old_name, folder, name);
    });
  };
  if (call_at(place, rename) == 0) {
    temporary_name_.reset();
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

// All zeros where the file is missing or may not be read. It is an error if only now something is lacking: the
// id is read once, and without it only the time counts.
std::array<std::uint64_t, 2> read_boot_id() {
  std::array<char, 64> text{};
  std::array<std::uint64_t, 2> boot{};
  // 36 characters: 32 hexadecimal digits in five groups.
  errno = 0;
  if (read_small("/proc/sys/kernel/random/boot_id", text).size() < 36) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) throw std::system_error{last_error()};
    return boot;
  }
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

// Setting the clock moves it, and nothing else does.
std::uint64_t boot_time_ns() noexcept {
  const std::int64_t since_boot = now_ns(CLOCK_BOOTTIME);
  if (since_boot == 0) return 0;
  return static_cast<std::uint64_t>(now_ns(CLOCK_REALTIME) - (since_boot - boot_clock_offset_ns()));
}

std::uint64_t process_id() noexcept {
  return static_cast<std::uint64_t>(::getpid());
}

std::uint64_t user_id() noexcept {
  return ::geteuid();
}

} // namespace seqcast::inline v1::detail::platform
