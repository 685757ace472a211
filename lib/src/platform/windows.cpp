// SPDX-License-Identifier: BSL-1.0
//
// windows: files. Sections, which stand for shared-memory objects, are in windows_section.cpp.
//
// A file that somebody has mapped cannot be deleted here, nor another one be renamed over it; but it can be
// renamed. So a file loses its name by being renamed to NAME.seqcast-gone-ID, and is deleted under that name,
// at once or by the first remove_unmapped() that finds it so.
#include "windows.hpp"

#include <seqcast/error.hpp>

namespace seqcast::inline v1::detail::platform {

namespace {

constexpr DWORD share_all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
constexpr wchar_t gone[] = L".seqcast-gone-";

std::string narrow(const std::wstring& text) {
  const int size = static_cast<int>(text.size());
  const int needed = ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, nullptr, 0, nullptr, nullptr);
  std::string bytes(static_cast<std::size_t>(needed), '\0');
  ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, bytes.data(), needed, nullptr, nullptr);
  return bytes;
}

/// A later change of the current folder must not change what the name stands for. Empty if it is no path.
std::string absolute(const std::string& path) {
  const std::wstring name = utf16(path);
  std::wstring full(::GetFullPathNameW(name.c_str(), 0, nullptr, nullptr), L'\0');
  full.resize(::GetFullPathNameW(name.c_str(), static_cast<DWORD>(full.size()), full.data(), nullptr));
  return narrow(full);
}

std::string temporary_name_of(const std::string& path) {
  return path + ".seqcast-new";
}

/// Opens whatever the name stands for, links included. Gives nothing and fills `error` for what is no file.
Handle open_any(const std::string& path, DWORD access, DWORD flags, std::error_code& error) {
  const std::wstring name = wide(path);
  constexpr DWORD attributes = FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT;
  const HANDLE id = ::CreateFileW(name.c_str(), access, share_all, nullptr, flags, attributes, nullptr);
  if (id != INVALID_HANDLE_VALUE) return Handle{id};
  error = last_error();
  const DWORD found = ::GetFileAttributesW(name.c_str());
  if (found != INVALID_FILE_ATTRIBUTES && (found & FILE_ATTRIBUTE_DIRECTORY) != 0) {
    error = std::make_error_code(std::errc::is_a_directory); // the system says "access denied"
  }
  return {};
}

/// Opens a file; a link is not followed.
Handle open_itself(const std::string& path, DWORD access, DWORD flags, std::error_code& error) {
  Handle handle = open_any(path, access, flags, error);
  BY_HANDLE_FILE_INFORMATION found{};
  if (!handle || !::GetFileInformationByHandle(handle.id(), &found)) return handle;
  if ((found.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0) return handle;
  error = std::make_error_code(std::errc::too_many_symbolic_link_levels);
  return {};
}

/// Opens whatever the name stands for, links included, for questions only. Where a file is being replaced there
/// is none for a moment: see take_name(). Should its maker die just then, nobody waits for long.
HANDLE open_for_facts(const std::string& path) {
  constexpr DWORD flags = FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS;
  const std::wstring name = wide(path);
  const std::wstring new_name = wide(temporary_name_of(path));
  for (int look = 0;; ++look) {
    const bool in_the_making = ::GetFileAttributesW(new_name.c_str()) != INVALID_FILE_ATTRIBUTES;
    const HANDLE file = ::CreateFileW(name.c_str(), FILE_READ_ATTRIBUTES | READ_CONTROL, share_all, nullptr,
                                      OPEN_EXISTING, flags, nullptr);
    const bool missing = file == INVALID_HANDLE_VALUE && ::GetLastError() == ERROR_FILE_NOT_FOUND;
    if (!missing || !in_the_making || look == 10) return file;
    ::Sleep(1);
  }
}

bool is_name_of(const std::string& name, const Handle& handle) noexcept {
  std::error_code error;
  return facts_of(name, error).id == facts_of(handle, error).id && !error;
}

/// Removes what a publisher left that was killed before it gave its file a name.
/// Errors: publisher_alive or lock_obstructed if it cannot be told from a file in the making.
void remove_unfinished(const std::string& name, std::error_code& error) {
  std::error_code gone_already;
  LockFile left = LockFile::open(name, gone_already);
  if (gone_already == std::errc::no_such_file_or_directory) return;
  if (gone_already) {
    error = gone_already;
    return;
  }
  switch (left.lock(error)) {
    case LockFile::Attempt::locked:
      if (is_name_of(name, left.handle()) && ::DeleteFileW(wide(name).c_str()) == 0) error = last_error();
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

/// Takes the name from the file that has it; gives the one that it has now.
std::wstring move_away(const std::string& path, std::error_code& error) {
  const std::wstring name = wide(path);
  const FileId id = facts_of(path, error).id;
  std::wstring away = with_number(name + gone, id.inode);
  if (!error && ::MoveFileExW(name.c_str(), away.c_str(), 0) == 0) error = last_error();
  return away;
}

FileFacts facts_of_file(HANDLE file, std::error_code& error) {
  BY_HANDLE_FILE_INFORMATION found{};
  if (::GetFileType(file) != FILE_TYPE_DISK) return {};
  if (::GetFileInformationByHandle(file, &found) == 0) {
    error = last_error();
    return {};
  }
  constexpr DWORD irregular = FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT;
  const auto together = [](DWORD high, DWORD low) { return std::uint64_t{high} << 32 | low; };
  return {.id = {found.dwVolumeSerialNumber, together(found.nFileIndexHigh, found.nFileIndexLow)},
          .size = together(found.nFileSizeHigh, found.nFileSizeLow),
          .regular = (found.dwFileAttributes & irregular) == 0,
          .owner = owner_of(file)};
}

} // namespace

std::string path_of(const Location& location, std::error_code& error) {
  const std::string& name = location.name();
  if (!name.empty() && name.find('\0') == std::string::npos && !utf16(name).empty()) {
    if (location.kind() == Location::Kind::file) {
      if (std::string path = absolute(name); !path.empty()) return path;
    } else if (name.find_first_of("/\\") == std::string::npos && name != "." && name != "..") {
      return std::string{section_prefix} + name;
    }
  }
  error = Errc::invalid_location;
  return {};
}

std::string shared_memory_folder(std::error_code& error) {
  error = std::make_error_code(std::errc::not_supported);
  return {};
}

std::optional<std::chrono::system_clock::time_point> birth_time(const Handle& handle) noexcept {
  FILETIME made{};
  if (handle.is_section() || ::GetFileTime(handle.id(), &made, nullptr, nullptr) == 0) return std::nullopt;
  using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>; // since the year 1601
  constexpr Ticks epoch{116'444'736'000'000'000};
  const auto found = static_cast<std::int64_t>(std::uint64_t{made.dwHighDateTime} << 32 | made.dwLowDateTime);
  return std::chrono::system_clock::time_point{
      std::chrono::duration_cast<std::chrono::system_clock::duration>(Ticks{found} - epoch)};
}

Handle open_file(const std::string& path, Access access, std::error_code& error) {
  if (is_section(path)) return open_section(path, access, error);
  const DWORD rights = access == Access::read_only ? GENERIC_READ : GENERIC_READ | GENERIC_WRITE;
  return open_itself(path, rights, OPEN_EXISTING, error);
}

LockFile open_for_lock(const char* path, int flags, std::error_code& error) {
  Handle handle = is_section(path)
                      ? open_section(path, Access::read_write, error)
                      : open_itself(path, GENERIC_READ | GENERIC_WRITE, static_cast<DWORD>(flags), error);
  return handle ? LockFile::adopt(std::move(handle)) : LockFile{};
}

FileFacts facts_of(const Handle& handle, std::error_code& error) {
  if (!handle.is_section()) return facts_of_file(handle.id(), error);
  const SectionFacts& section = handle.section();
  return {.id = {section_device, section.id}, .size = section.size, .regular = true, .owner = user_id()};
}

FileFacts facts_of(const std::string& path, std::error_code& error) {
  if (is_section(path)) {
    const Handle handle = open_section(path, Access::read_only, error);
    return error ? FileFacts{} : facts_of(handle, error);
  }
  const HANDLE file = open_for_facts(path);
  if (file == INVALID_HANDLE_VALUE) {
    error = last_error();
    return {};
  }
  const Handle closer{file};
  return facts_of_file(file, error);
}

std::size_t read_at(const Handle& handle, std::uint64_t offset, void* to, std::size_t size) noexcept {
  if (handle.is_section()) return read_section(handle, offset, to, size);
  OVERLAPPED where{};
  where.Offset = static_cast<DWORD>(offset);
  where.OffsetHigh = static_cast<DWORD>(offset >> 32);
  DWORD got = 0;
  if (::ReadFile(handle.id(), to, static_cast<DWORD>(size), &got, &where) == 0) return 0;
  return got;
}

void remove_file(const std::string& path, std::error_code& error) {
  if (is_section(path)) {
    remove_section(path, error);
    return;
  }
  const std::wstring away = move_away(path, error);
  if (!error) ::DeleteFileW(away.c_str()); // or later, if somebody has it mapped
}

// A name is given in one step here: there never are two.
void remove_leftovers(const std::string& path) {
  remove_unmapped(path);
}

void remove_unmapped(const std::string& path) {
  if (is_section(path)) return;
  const std::wstring name = wide(path);
  const std::wstring folder = name.substr(0, name.find_last_of(L'\\') + 1);
  WIN32_FIND_DATAW found{};
  const HANDLE search = ::FindFirstFileW((name + gone + L"*").c_str(), &found);
  if (search == INVALID_HANDLE_VALUE) return;
  do {
    ::DeleteFileW((folder + found.cFileName).c_str()); // fails for what is still mapped
  } while (::FindNextFileW(search, &found) != 0);
  ::FindClose(search);
}

void allocate(const Handle& handle, std::uint64_t size, std::error_code& error) {
  if (handle.is_section()) return; // it was committed as a whole
  LARGE_INTEGER end{};
  if (::GetFileSizeEx(handle.id(), &end) != 0 && static_cast<std::uint64_t>(end.QuadPart) >= size) return;
  end.QuadPart = static_cast<LONGLONG>(size);
  if (::SetFilePointerEx(handle.id(), end, nullptr, FILE_BEGIN) == 0 || ::SetEndOfFile(handle.id()) == 0) {
    error = last_error();
  }
}

void set_mode(const Handle&, std::uint32_t, std::error_code&) {}

NewFile NewFile::create(const std::string& path, std::uint64_t size, std::uint32_t, std::error_code& error) {
  NewFile file;
  if (is_section(path)) {
    file.handle_ = create_section(path, size, error);
    if (!error) file.lock_ = LockFile::adopt(duplicate(file.handle_));
    if (!error) file.obtain_lock(error);
    return file;
  }
  file.create_named(path, error);
  if (!error) platform::allocate(file.handle_, size, error);
  return file;
}

void NewFile::obtain_lock(std::error_code& error) noexcept {
  if (lock_.lock(error) != LockFile::Attempt::locked && !error) {
    error = std::make_error_code(std::errc::no_lock_available);
  }
}

// Whoever finds the temporary name taken removes it, unless its maker lives: that one holds its lock. It may
// not have it yet, and so looks, when it has, whether the name is still its own. Only who holds a file's lock,
// and has looked, takes the name from it.
void NewFile::create_named(const std::string& path, std::error_code& error) {
  const std::string name = temporary_name_of(path);
  constexpr int attempts = 64;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::error_code taken;
    lock_ = open_for_lock(name.c_str(), CREATE_NEW, taken);
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
  if (!temporary_name_.empty()) ::DeleteFileW(wide(temporary_name_).c_str());
  temporary_name_.clear();
}

void NewFile::give_name(const std::string& path, std::error_code& error) {
  if (handle_.is_section()) {
    name_section(handle_, path, false, error);
  } else if (::MoveFileExW(wide(temporary_name_).c_str(), wide(path).c_str(), 0) != 0) {
    temporary_name_.clear();
  } else {
    error = last_error();
  }
}

// In two steps, since a mapped file cannot be renamed over: whoever looks in between finds nothing there, and
// if this process is killed just then, the name is free.
void NewFile::take_name(const std::string& path, std::error_code& error) {
  if (handle_.is_section()) {
    name_section(handle_, path, true, error);
    return;
  }
  const std::wstring away = move_away(path, error);
  if (error) return;
  give_name(path, error);
  if (error) {
    ::MoveFileExW(away.c_str(), wide(path).c_str(), 0); // unless somebody else has taken the name
  } else {
    ::DeleteFileW(away.c_str()); // or later, if somebody has it mapped
  }
}

} // namespace seqcast::inline v1::detail::platform
