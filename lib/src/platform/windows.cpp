// SPDX-License-Identifier: BSL-1.0
//
// windows: files. Sections, which are the shared-memory objects, are in windows_section.cpp.
//
// The system refuses to delete a file that is mapped, and to rename another one over it; but such a file can be
// renamed itself. So a file loses its name by being renamed to NAME.seqcast-gone-ID, and is deleted under that
// name: at once, or by the first delete_unmapped_files() after it was unmapped.
#include "windows_system.hpp"

namespace seqcast::inline v1::detail::platform {

namespace {

constexpr DWORD share_all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
constexpr DWORD read_and_write = GENERIC_READ | GENERIC_WRITE;

std::string narrow(const std::wstring& text) {
  const int size = static_cast<int>(text.size());
  const int needed = ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, nullptr, 0, nullptr, nullptr);
  std::string bytes(static_cast<std::size_t>(needed), '\0');
  ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, bytes.data(), needed, nullptr, nullptr);
  return bytes;
}

/// So that a later change of the current directory does not change which file the path names. Empty if it
/// is none.
std::string absolute(const std::string& path) {
  const std::wstring name = utf16(path);
  std::wstring full(::GetFullPathNameW(name.c_str(), 0, nullptr, nullptr), L'\0');
  full.resize(::GetFullPathNameW(name.c_str(), static_cast<DWORD>(full.size()), full.data(), nullptr));
  return narrow(full);
}

/// Opens or creates a file. A link is an error.
Handle open_handle(const std::string& path, DWORD access, DWORD disposition, std::error_code& error) {
  const std::wstring name = wide(path);
  constexpr DWORD attributes = FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT;
  const HANDLE id = ::CreateFileW(name.c_str(), access, share_all, nullptr, disposition, attributes, nullptr);
  if (id == INVALID_HANDLE_VALUE) {
    error = last_error();
    const DWORD found = ::GetFileAttributesW(name.c_str());
    if (found != INVALID_FILE_ATTRIBUTES && (found & FILE_ATTRIBUTE_DIRECTORY) != 0) {
      error = std::make_error_code(std::errc::is_a_directory); // the system's error is "access denied"
    }
    return {};
  }
  Handle handle{id};
  BY_HANDLE_FILE_INFORMATION found{};
  if (::GetFileInformationByHandle(id, &found) == 0) return handle;
  if ((found.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0) return handle;
  error = std::make_error_code(std::errc::too_many_symbolic_link_levels);
  return {};
}

/// Whether there is a new file that is to get this name.
bool has_temporary_sibling(const std::wstring& name) {
  WIN32_FIND_DATAW found{};
  const HANDLE search = ::FindFirstFileW((name + L".seqcast-new-*").c_str(), &found);
  if (search != INVALID_HANDLE_VALUE) ::FindClose(search);
  return search != INVALID_HANDLE_VALUE;
}

/// Opens anything, for its status only. While a file is replaced, no file has the name for a moment: see
/// rename_over(). If the replacing process dies just then, this does not wait for long.
HANDLE open_for_status(const std::string& path) {
  constexpr DWORD rights = FILE_READ_ATTRIBUTES | READ_CONTROL;
  constexpr DWORD flags = FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS;
  const std::wstring name = wide(path);
  for (int attempt = 0;; ++attempt) {
    const bool replacing = has_temporary_sibling(name);
    const HANDLE file = ::CreateFileW(name.c_str(), rights, share_all, nullptr, OPEN_EXISTING, flags, nullptr);
    const bool missing = file == INVALID_HANDLE_VALUE && ::GetLastError() == ERROR_FILE_NOT_FOUND;
    if (!missing || !replacing || attempt == 10) return file;
    ::Sleep(1);
  }
}

/// Renames the file that has the name. Returns its new name.
std::wstring move_away(const Place& place, std::error_code& error) {
  const std::wstring name = wide(place.path());
  const FileId id = file_status(place, error).id;
  std::wstring away = name + (ObjectName{} << L".seqcast-gone-" << id.inode).c_str();
  if (!error && ::MoveFileExW(name.c_str(), away.c_str(), 0) == 0) error = last_error();
  return away;
}

FileStatus status_of(HANDLE file, std::error_code& error) {
  BY_HANDLE_FILE_INFORMATION found{};
  if (::GetFileType(file) != FILE_TYPE_DISK) return {};
  if (::GetFileInformationByHandle(file, &found) == 0) {
    error = last_error();
    return {};
  }
  constexpr DWORD irregular = FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT;
  const auto join = [](DWORD high, DWORD low) { return std::uint64_t{high} << 32 | low; };
  return {.id = {found.dwVolumeSerialNumber, join(found.nFileIndexHigh, found.nFileIndexLow)},
          .size = join(found.nFileSizeHigh, found.nFileSizeLow),
          .regular = (found.dwFileAttributes & irregular) == 0,
          .owner = owner_of(file)};
}

LockFile lock_file_of(Handle handle) {
  return handle ? LockFile{std::make_unique<OpenLock>(std::move(handle))} : LockFile{};
}

} // namespace

void Place::keep_folder() {} // a path stays what it is: the system does not rename or remove a folder in use

Place place_of(const Location& location, std::error_code& error) {
  const std::string& name = location.name();
  if (!name.empty() && name.find('\0') == std::string::npos && !utf16(name).empty()) {
    if (location.kind() == Location::Kind::file) {
      if (std::string path = absolute(name); !path.empty()) return Place{std::move(path)};
    } else if (name.find_first_of("/\\") == std::string::npos && name != "." && name != "..") {
      return Place{std::string{section_prefix} + name};
    }
  }
  error = Errc::invalid_location;
  return {};
}

std::string shared_memory_folder(std::error_code& error) {
  error = std::make_error_code(std::errc::not_supported);
  return {};
}

Handle open_file(const Place& place, Access access, std::error_code& error) {
  const std::string& path = place.path();
  if (is_section(path)) return open_section(path, access, error);
  return open_handle(path, access == Access::read_only ? GENERIC_READ : read_and_write, OPEN_EXISTING, error);
}

FileStatus file_status(const Handle& handle, std::error_code& error) {
  if (!handle.is_section()) return status_of(handle.id(), error);
  const SectionInfo& section = handle.section();
  return {.id = {section_device, section.id}, .size = section.size, .regular = true, .owner = user_id()};
}

FileStatus file_status(const Place& place, std::error_code& error) {
  const std::string& path = place.path();
  if (is_section(path)) {
    const Handle handle = open_section(path, Access::read_only, error);
    return error ? FileStatus{} : file_status(handle, error);
  }
  const HANDLE file = open_for_status(path);
  if (file == INVALID_HANDLE_VALUE) {
    error = last_error();
    return {};
  }
  const Handle closer{file};
  return status_of(file, error);
}

std::optional<std::chrono::system_clock::time_point> birth_time(const Handle& handle) noexcept {
  FILETIME created{};
  if (handle.is_section() || ::GetFileTime(handle.id(), &created, nullptr, nullptr) == 0) return std::nullopt;
  using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>; // since the year 1601
  constexpr Ticks epoch{116'444'736'000'000'000};
  const Ticks ticks{std::int64_t{created.dwHighDateTime} << 32 | std::int64_t{created.dwLowDateTime}};
  return std::chrono::system_clock::time_point{
      std::chrono::duration_cast<std::chrono::system_clock::duration>(ticks - epoch)};
}

std::size_t read_at(const Handle& handle, std::uint64_t offset, void* to, std::size_t size) noexcept {
  if (handle.is_section()) return read_section(handle, offset, to, size);
  OVERLAPPED where{};
  where.Offset = static_cast<DWORD>(offset);
  where.OffsetHigh = static_cast<DWORD>(offset >> 32);
  DWORD got = 0;
  return ::ReadFile(handle.id(), to, static_cast<DWORD>(size), &got, &where) == 0 ? 0 : got;
}

std::vector<std::string> regular_files_in(const std::string& folder, std::error_code& error) {
  constexpr DWORD irregular = FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT;
  const auto close = [](HANDLE open) { ::FindClose(open); };
  std::vector<std::string> names;
  WIN32_FIND_DATAW found{};
  const HANDLE search = ::FindFirstFileW(wide(absolute(folder) + "\\*").c_str(), &found);
  if (search == INVALID_HANDLE_VALUE) {
    error = last_error();
    return names;
  }
  const std::unique_ptr<void, decltype(close)> closer{search, close};
  do {
    if ((found.dwFileAttributes & irregular) == 0) names.push_back(narrow(found.cFileName));
  } while (::FindNextFileW(search, &found) != 0);
  if (::GetLastError() != ERROR_NO_MORE_FILES) error = last_error();
  return names;
}

bool in_memory(const Handle& handle) noexcept {
  return handle.is_section();
}

std::uint64_t mapped_size(const Handle&, std::uint64_t size) noexcept {
  return size;
}

void remove_file(const Place& place, std::error_code& error) {
  if (is_section(place.path())) return remove_section(place.path(), error);
  const std::wstring away = move_away(place, error);
  if (!error) ::DeleteFileW(away.c_str()); // fails if it is mapped: see delete_unmapped_files()
}

void delete_unmapped_files(const Place& place) {
  if (is_section(place.path())) return;
  const std::wstring name = wide(place.path());
  const std::wstring folder = name.substr(0, name.find_last_of(L'\\') + 1);
  WIN32_FIND_DATAW found{};
  // The temporary files that were removed while they were mapped are among them.
  const HANDLE search = ::FindFirstFileW((name + L".seqcast-*gone-*").c_str(), &found);
  if (search == INVALID_HANDLE_VALUE) return;
  do {
    ::DeleteFileW((folder + found.cFileName).c_str()); // fails if it is still mapped
  } while (::FindNextFileW(search, &found) != 0);
  ::FindClose(search);
}

void allocate(const Handle& handle, std::uint64_t size, std::error_code& error) {
  if (handle.is_section()) return; // its creation has allocated all of it
  LARGE_INTEGER end{};
  if (::GetFileSizeEx(handle.id(), &end) != 0 && static_cast<std::uint64_t>(end.QuadPart) >= size) return;
  end.QuadPart = static_cast<LONGLONG>(size);
  if (::SetFilePointerEx(handle.id(), end, nullptr, FILE_BEGIN) == 0 || ::SetEndOfFile(handle.id()) == 0) {
    error = last_error();
  }
}

LockFile LockFile::open(const Place& place, std::error_code& error) {
  return lock_file_of(open_file(place, Access::read_write, error));
}

LockFile create_for_lock(const Place& place, std::error_code& error) {
  return lock_file_of(open_handle(place.path(), read_and_write, CREATE_NEW, error));
}

// Only a section can be without a name.
bool NewFile::create_unnamed(const Place& place, std::uint64_t size, std::error_code& error) {
  if (!is_section(place.path())) return false;
  handle_ = create_section(place.path(), size, error);
  if (!error) lock_ = lock_file_of(duplicate(handle_));
  if (!error) obtain_lock(error);
  return true;
}

void NewFile::link_to(const Place& place, std::error_code& error) {
  if (handle_.is_section()) return name_section(handle_, place.path(), false, error);
  if (::MoveFileExW(wide(temporary_name_->path()).c_str(), wide(place.path()).c_str(), 0) == 0) {
    error = last_error();
  } else {
    temporary_name_.reset();
  }
}

// In two steps, since nothing can be renamed over a mapped file. In between no file has the name, and if this
// process is killed just then, the name stays free.
void NewFile::rename_over(const Place& place, std::error_code& error) {
  if (handle_.is_section()) return name_section(handle_, place.path(), true, error);
  const std::wstring away = move_away(place, error);
  if (error) return;
  link_to(place, error);
  if (error) {
    ::MoveFileExW(away.c_str(), wide(place.path()).c_str(), 0); // fails if another file has got the name
  } else {
    ::DeleteFileW(away.c_str()); // fails if it is mapped: see delete_unmapped_files()
  }
}

} // namespace seqcast::inline v1::detail::platform
