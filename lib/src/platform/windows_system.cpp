// SPDX-License-Identifier: BSL-1.0
//
// windows_system: text, memory, and what the system reports of this process, its user and its boot.
#include "windows_system.hpp"

#include <aclapi.h>
#include <winternl.h>

#include <vector>

namespace seqcast::inline v1::detail::platform {

namespace {

/// A user as a number: FNV-1a of the bytes of its security identifier.
std::uint64_t number_of(PSID user) noexcept {
  const auto* const bytes = static_cast<const unsigned char*>(user);
  std::uint64_t number = 0xCBF2'9CE4'8422'2325;
  for (DWORD i = 0; i < ::GetLengthSid(user); ++i) number = (number ^ bytes[i]) * 0x0100'0000'01B3;
  return number;
}

/// This process's user, and the owner of what it creates: for an administrator, the group of administrators.
struct Identities {
  std::vector<std::byte> user = query(TokenUser);
  std::vector<std::byte> owner = query(TokenOwner);

  static const Identities& own() {
    static const Identities instance;
    return instance;
  }

  static std::vector<std::byte> query(TOKEN_INFORMATION_CLASS what) {
    HANDLE token = nullptr;
    if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &token) == 0) return {};
    const Handle closer{token};
    DWORD size = 0;
    ::GetTokenInformation(token, what, nullptr, 0, &size);
    std::vector<std::byte> bytes(size);
    if (::GetTokenInformation(token, what, bytes.data(), size, &size) == 0) bytes.clear();
    return bytes;
  }

  PSID user_sid() const noexcept {
    return user.empty() ? nullptr
                        : static_cast<const TOKEN_USER*>(static_cast<const void*>(user.data()))->User.Sid;
  }
  PSID owner_sid() const noexcept {
    return owner.empty() ? nullptr
                         : static_cast<const TOKEN_OWNER*>(static_cast<const void*>(owner.data()))->Owner;
  }
};

} // namespace

std::error_code code_of(DWORD error) noexcept {
  return {static_cast<int>(error), std::system_category()};
}

std::error_code last_error() noexcept {
  return code_of(::GetLastError());
}

std::wstring utf16(const std::string& text) {
  const int size = static_cast<int>(text.size());
  const int needed = ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size, nullptr, 0);
  std::wstring units(static_cast<std::size_t>(needed), L'\0');
  ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size, units.data(), needed);
  return units;
}

std::wstring wide(const std::string& path) {
  const std::wstring units = utf16(path);
  constexpr std::size_t long_path = 200; // leaves room for suffixes
  if (units.size() < long_path || is_section(path) || units.starts_with(L"\\\\?\\")) return units;
  return units.starts_with(L"\\\\") ? L"\\\\?\\UNC" + units.substr(1) : L"\\\\?\\" + units;
}

Handle::~Handle() {
  if (id_ != nullptr) ::CloseHandle(id_);
  if (section_.name != nullptr) ::CloseHandle(section_.name);
}

std::uint64_t owner_of(HANDLE file) {
  PSID owner = nullptr;
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  if (::GetSecurityInfo(file, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, nullptr, nullptr, nullptr,
                        &descriptor) != ERROR_SUCCESS) {
    return 0;
  }
  const PSID own = Identities::own().owner_sid();
  std::uint64_t number = 0;
  if (owner != nullptr) number = own != nullptr && ::EqualSid(owner, own) ? user_id() : number_of(owner);
  ::LocalFree(descriptor);
  return number;
}

// Locked memory has to fit into the minimum working set of the process, so that one grows too.
void lock_memory(const void* address, std::size_t size, std::error_code& error) noexcept {
  void* const begin = const_cast<void*>(address);
  if (::VirtualLock(begin, size) != 0) return;
  const HANDLE self = ::GetCurrentProcess();
  SIZE_T minimum = 0;
  SIZE_T maximum = 0;
  ::GetProcessWorkingSetSize(self, &minimum, &maximum);
  const SIZE_T more = size + 2 * page_size();
  if (::SetProcessWorkingSetSize(self, minimum + more, maximum + more) == 0 ||
      ::VirtualLock(begin, size) == 0) {
    error = last_error();
  }
}

std::size_t page_size() noexcept {
  SYSTEM_INFO info{};
  ::GetSystemInfo(&info);
  return info.dwPageSize;
}

// When the system was started, in units of 100 ns. Setting the clock moves this time and its bias by the same
// amount, so that the difference stays the same.
std::array<std::uint64_t, 2> read_boot_id() {
  struct TimeOfDay {
    LARGE_INTEGER boot_time, current_time, time_zone_bias;
    ULONG time_zone, reserved;
    ULONGLONG boot_time_bias, sleep_time_bias;
  };
  constexpr auto time_of_day = static_cast<SYSTEM_INFORMATION_CLASS>(3);
  TimeOfDay found{};
  ULONG size = 0;
  const NTSTATUS status = ::NtQuerySystemInformation(time_of_day, &found, sizeof found, &size);
  if (status < 0) throw std::system_error{code_of(::RtlNtStatusToDosError(status))};
  return {static_cast<std::uint64_t>(found.boot_time.QuadPart) - found.boot_time_bias, 0};
}

// The id is the time already, whatever the clock was set to.
std::uint64_t boot_time_ns() noexcept {
  return 0;
}

std::uint64_t process_id() noexcept {
  return ::GetCurrentProcessId();
}

std::uint64_t user_id() noexcept {
  const PSID user = Identities::own().user_sid();
  return user == nullptr ? 1 : number_of(user);
}

} // namespace seqcast::inline v1::detail::platform
