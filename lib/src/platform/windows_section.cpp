// SPDX-License-Identifier: BSL-1.0
//
// windows_section: shared-memory objects, as sections in the paging file.
//
// The system's names of sections are not like file names: the first that asks creates the section, others see
// it incomplete, and its name is free only when all handles are closed. So shared_memory("ticker") names a
// page, "seqcast.ticker", that holds one number: that of the region behind the name, 0 for none. Each region is
// a section of its own, with its number in its name. One store of the number gives a complete region its name,
// replaces it or removes it. A process that has the old region open keeps it.
//
// Who may call it: any thread. Only the holder of the region's lock may change a name.
//
// Invariants
//   1. A section, and the page that names it, live while a process has one of its regions open or mapped.
//   2. A section ends with its size and its number, behind what the caller sees. They are checked, not trusted.
#include "windows_system.hpp"

#include <seqcast/detail/layout.hpp>

#include <algorithm>

namespace seqcast::inline v1::detail::platform {

namespace {

constexpr std::size_t name_page = 4096; // bytes; only its first word is used

/// The last two words of a section.
struct Tail {
  std::uint64_t size;
  std::uint64_t id;
};

/// A temporary mapping of all of a section.
class View {
 public:
  /// Without a section it has no bytes, and GetLastError() stays as it is.
  View(const Handle& section, DWORD access) noexcept {
    if (section) bytes_ = ::MapViewOfFile(section.id(), access, 0, 0, 0);
    MEMORY_BASIC_INFORMATION info{};
    if (bytes_ != nullptr && ::VirtualQuery(bytes_, &info, sizeof info) != 0) size_ = info.RegionSize;
  }
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View() {
    if (bytes_ != nullptr) ::UnmapViewOfFile(bytes_);
  }
  std::byte* bytes() const noexcept {
    return static_cast<std::byte*>(bytes_);
  }
  std::size_t size() const noexcept {
    return size_;
  }

 private:
  void* bytes_ = nullptr;
  std::size_t size_ = 0;
};

/// The number of the region behind a name.
std::uint64_t load_name(const View& page) noexcept {
  // [section-name] acquire: pairs with the release in name_section().
  // Otherwise a region could be found by its number before it is complete.
  return page.size() < word_size ? 0 : words_at(page.bytes())->load(std::memory_order_acquire);
}

Handle create(const wchar_t* name, std::uint64_t size) noexcept {
  return Handle{::CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE,
                                     static_cast<DWORD>(size >> 32), static_cast<DWORD>(size), name)};
}

/// Opens the page of a name. Errors: std::errc::no_such_file_or_directory if no process has it open.
Handle open_name(const std::string& path, DWORD access, std::error_code& error) {
  Handle name{::OpenFileMappingW(access, FALSE, wide(path).c_str())};
  if (!name) error = last_error();
  return name;
}

ObjectName region_name(std::uint64_t id) noexcept {
  return ObjectName{} << L"Local\\seqcast-region." << id;
}

Handle open_region(std::uint64_t id, DWORD access) noexcept {
  return Handle{::OpenFileMappingW(access, FALSE, region_name(id).c_str())};
}

HANDLE duplicate(HANDLE handle) noexcept {
  HANDLE copy = nullptr;
  const HANDLE self = ::GetCurrentProcess();
  ::DuplicateHandle(self, handle, self, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS);
  return copy;
}

/// A number that no region has: the time, so that earlier regions had other numbers.
std::uint64_t new_number() noexcept {
  FILETIME now{};
  ::GetSystemTimePreciseAsFileTime(&now);
  return std::uint64_t{now.dwHighDateTime} << 32 | now.dwLowDateTime;
}

} // namespace

bool is_section(const std::string& path) noexcept {
  return path.starts_with(section_prefix);
}

Handle open_section(const std::string& path, Access access, std::error_code& error) {
  Handle name = open_name(path, FILE_MAP_READ, error);
  if (!name) return {};
  const std::uint64_t id = load_name(View{name, FILE_MAP_READ});
  if (id == 0) {
    error = code_of(ERROR_FILE_NOT_FOUND);
    return {};
  }
  Handle region = open_region(id, access == Access::read_only ? FILE_MAP_READ : FILE_MAP_READ | FILE_MAP_WRITE);
  const View view{region, FILE_MAP_READ};
  Tail tail{};
  if (view.size() < sizeof tail) {
    error = last_error();
    return {};
  }
  std::memcpy(&tail, view.bytes() + view.size() - sizeof tail, sizeof tail); // no process changes it
  const std::uint64_t size = std::min<std::uint64_t>(tail.size, view.size() - sizeof tail);
  return Handle{region.release(), {name.release(), id, size}};
}

Handle create_section(const std::string& path, std::uint64_t size, std::error_code& error) {
  const std::uint64_t total = round_up(size + sizeof(Tail), page_size());
  Handle name = create(wide(path).c_str(), name_page);
  if (!name) {
    error = last_error();
    return {};
  }
  for (std::uint64_t id = new_number();; ++id) {
    Handle region = create(region_name(id).c_str(), total);
    if (::GetLastError() == ERROR_ALREADY_EXISTS) continue; // created at the same time
    const View view{region, FILE_MAP_WRITE};
    if (view.size() != total) {
      error = last_error();
      return {};
    }
    const Tail tail{size, id};
    std::memcpy(view.bytes() + total - sizeof tail, &tail, sizeof tail);
    return Handle{region.release(), {name.release(), id, size}};
  }
}

void name_section(const Handle& section, const std::string& path, bool replace, std::error_code& error) {
  const Handle name = open_name(path, FILE_MAP_READ | FILE_MAP_WRITE, error);
  if (!name) return;
  const View page{name, FILE_MAP_WRITE};
  std::uint64_t found = load_name(page);
  const bool taken = found != 0 && open_region(found, FILE_MAP_READ);
  if (page.size() < word_size) {
    error = last_error();
  } else if (taken && !replace) {
    error = std::make_error_code(std::errc::file_exists);
    // [section-name] release: pairs with the acquire in load_name().
    // Otherwise the number could be visible before the region is complete.
    // relaxed on failure: the number found is not used.
  } else if (!words_at(page.bytes())
                  ->compare_exchange_strong(found, section.section().id, std::memory_order_release,
                                            std::memory_order_relaxed)) {
    error = std::make_error_code(std::errc::file_exists);
  }
}

void remove_section(const std::string& path, std::error_code& error) {
  const Handle name = open_name(path, FILE_MAP_READ | FILE_MAP_WRITE, error);
  if (!name) return;
  const View page{name, FILE_MAP_WRITE};
  // relaxed: a process that loads 0 depends on no earlier store.
  if (page.size() >= word_size) words_at(page.bytes())->store(0, std::memory_order_relaxed);
}

std::size_t read_section(const Handle& section, std::uint64_t offset, void* to, std::size_t size) noexcept {
  const View view{section, FILE_MAP_READ};
  const std::uint64_t end = std::min<std::uint64_t>(section.section().size, view.size());
  if (offset >= end) return 0;
  const auto got = static_cast<std::size_t>(std::min<std::uint64_t>(size, end - offset));
  std::memcpy(to, view.bytes() + offset, got);
  return got;
}

Handle duplicate(const Handle& section) {
  const SectionInfo& info = section.section();
  return Handle{duplicate(section.id()), {duplicate(info.name), info.id, info.size}};
}

} // namespace seqcast::inline v1::detail::platform
