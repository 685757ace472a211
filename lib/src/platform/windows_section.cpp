// SPDX-License-Identifier: BSL-1.0
//
// windows_section: shared-memory objects, as sections that the paging file backs.
//
// The system's own names do for sections what no file system would: the first to ask for one gets it, half
// made, and nobody else can have it until all have let go. So shared_memory("ticker") names a page,
// "seqcast.ticker", that holds one number: which region is behind the name, 0 for none. Each region is a
// section of its own, with that number in its name. It is given its name by storing the number, when it is
// complete; another one takes the name, or none, by the same store, and whoever has the old one open keeps it.
//
// Who may call it: any thread; what changes a name, the holder of the region's lock.
//
// Invariants
//   1. A section, and the page that names it, live for as long as somebody has one of its regions open or
//      mapped.
//   2. A section ends with its size and its number, behind what the caller sees. They are checked, not trusted.
#include "windows.hpp"

#include <seqcast/detail/layout.hpp>

#include <algorithm>

namespace seqcast::inline v1::detail::platform {

namespace {

constexpr std::size_t name_page = 4096; // its first word counts

/// The last two words of a section.
struct Tail {
  std::uint64_t size;
  std::uint64_t id;
};

/// A mapping of all of a section, for a moment.
class View {
 public:
  View(HANDLE section, DWORD access) noexcept : bytes_{::MapViewOfFile(section, access, 0, 0, 0)} {
    MEMORY_BASIC_INFORMATION facts{};
    if (bytes_ != nullptr && ::VirtualQuery(bytes_, &facts, sizeof facts) != 0) size_ = facts.RegionSize;
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
  void* bytes_;
  std::size_t size_ = 0;
};

/// The number that a name stands for.
std::uint64_t load_name(const View& page) noexcept {
  // [section-name] acquire: pairs with the release in name_section().
  // Otherwise a region could be found by its number before it is complete.
  return page.size() < word_size ? 0 : words_at(page.bytes())->load(std::memory_order_acquire);
}

std::wstring region_name(std::uint64_t id) {
  return with_number(L"Local\\seqcast-region.", id);
}

/// Opens the page of a name. Errors: std::errc::no_such_file_or_directory if nobody has it open.
Handle open_name(const std::string& path, DWORD access, std::error_code& error) {
  Handle name{::OpenFileMappingW(access, FALSE, wide(path).c_str())};
  if (!name) error = last_error();
  return name;
}

HANDLE duplicate(HANDLE handle) noexcept {
  HANDLE copy = nullptr;
  const HANDLE self = ::GetCurrentProcess();
  ::DuplicateHandle(self, handle, self, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS);
  return copy;
}

/// Whether there still is such a region.
bool exists(std::uint64_t id) {
  return static_cast<bool>(Handle{::OpenFileMappingW(FILE_MAP_READ, FALSE, region_name(id).c_str())});
}

/// A number that no region has. The time: one that ended long ago had another.
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
  const Handle name = open_name(path, FILE_MAP_READ, error);
  if (!name) return {};
  const std::uint64_t id = load_name(View{name.id(), FILE_MAP_READ});
  const DWORD rights = access == Access::read_only ? FILE_MAP_READ : FILE_MAP_READ | FILE_MAP_WRITE;
  const Handle region{id == 0 ? nullptr : ::OpenFileMappingW(rights, FALSE, region_name(id).c_str())};
  if (!region) {
    error = code_of(id == 0 ? ERROR_FILE_NOT_FOUND : ::GetLastError());
    return {};
  }
  const View all{region.id(), FILE_MAP_READ};
  Tail tail{};
  if (all.size() < sizeof tail) {
    error = last_error();
    return {};
  }
  std::memcpy(&tail, all.bytes() + all.size() - sizeof tail, sizeof tail); // nobody changes it
  const std::uint64_t size = std::min<std::uint64_t>(tail.size, all.size() - sizeof tail);
  return Handle{duplicate(region.id()), {duplicate(name.id()), id, size}};
}

Handle create_section(const std::string& path, std::uint64_t size, std::error_code& error) {
  Handle name{
      ::CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, name_page, wide(path).c_str())};
  if (!name) {
    error = last_error();
    return {};
  }
  const std::uint64_t all = round_up(size + sizeof(Tail), page_size());
  for (std::uint64_t id = new_number();; ++id) {
    const std::wstring its_name = region_name(id);
    const Handle region{::CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE,
                                             static_cast<DWORD>(all >> 32), static_cast<DWORD>(all),
                                             its_name.c_str())};
    if (::GetLastError() == ERROR_ALREADY_EXISTS) continue; // somebody else's of the same moment
    const View view{region.id(), FILE_MAP_WRITE};
    if (!region || view.size() != all) {
      error = last_error();
      return {};
    }
    const Tail tail{size, id};
    std::memcpy(view.bytes() + all - sizeof tail, &tail, sizeof tail);
    return Handle{duplicate(region.id()), {duplicate(name.id()), id, size}};
  }
}

void name_section(const Handle& section, const std::string& path, bool take, std::error_code& error) {
  const Handle name = open_name(path, FILE_MAP_READ | FILE_MAP_WRITE, error);
  if (!name) return;
  const View page{name.id(), FILE_MAP_WRITE};
  std::uint64_t found = load_name(page);
  const bool taken = found != 0 && exists(found);
  if (page.size() < word_size) {
    error = last_error();
  } else if (taken && !take) {
    error = std::make_error_code(std::errc::file_exists);
    // [section-name] release: pairs with the acquire in load_name().
    // Otherwise the number could be seen before the region that it stands for is complete.
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
  const View page{name.id(), FILE_MAP_WRITE};
  // relaxed: nothing that was stored before has to be seen by who finds nothing there.
  if (page.size() >= word_size) words_at(page.bytes())->store(0, std::memory_order_relaxed);
}

std::size_t read_section(const Handle& section, std::uint64_t offset, void* to, std::size_t size) noexcept {
  const View all{section.id(), FILE_MAP_READ};
  const std::uint64_t end = std::min<std::uint64_t>(section.section().size, all.size());
  if (offset >= end) return 0;
  const auto got = static_cast<std::size_t>(std::min<std::uint64_t>(size, end - offset));
  std::memcpy(to, all.bytes() + offset, got);
  return got;
}

Handle duplicate(const Handle& section) {
  const SectionFacts& facts = section.section();
  return Handle{duplicate(section.id()), {duplicate(facts.name), facts.id, facts.size}};
}

std::wstring lock_name_of(const Handle& section) {
  return with_number(L"Local\\seqcast-lock.", section.section().id);
}

} // namespace seqcast::inline v1::detail::platform
