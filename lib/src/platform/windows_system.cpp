// SPDX-License-Identifier: BSL-1.0
//
// windows_system: text, and what the system says of this process, its user and its boot.
#include "windows.hpp"

#include <aclapi.h>
#include <winternl.h>

#include <vector>

namespace seqcast::inline v1::detail::platform {

namespace {

/// A user as a number: FNV-1a of the bytes that the system knows it by.
std::uint64_t number_of(PSID user) noexcept {
  const auto* const bytes = static_cast<const unsigned char*>(user);
  std::uint64_t number = 0xCBF2'9CE4'8422'2325;
  for (DWORD i = 0; i < ::GetLengthSid(user); ++i) number = (number ^ bytes[i]) * 0x0100'0000'01B3;
  return number;
}

/// This process's user, and the owner of what it creates, which for an administrator is the group of those.
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
    std::vector<std::byte> facts(size);
    if (::GetTokenInformation(token, what, facts.data(), size, &size) == 0) facts.clear();
    return facts;
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

/// When the system was started, in its own 100 ns. Setting the clock moves the time of the boot along with it,
/// and says by how much, so that the difference stays what it was.
BootId read_boot_id() {
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
  constexpr std::size_t long_path = 200; // with what is appended to it here and there
  if (units.size() < long_path || is_section(path) || units.starts_with(L"\\\\?\\")) return units;
  return units.starts_with(L"\\\\") ? L"\\\\?\\UNC" + units.substr(1) : L"\\\\?\\" + units;
}

std::wstring with_number(std::wstring text, std::uint64_t number) {
  for (int shift = 60; shift >= 0; shift -= 4) text += L"0123456789abcdef"[number >> shift & 15];
  return text;
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
  SYSTEM_INFO facts{};
  ::GetSystemInfo(&facts);
  return facts.dwPageSize;
}

std::uint64_t process_id() noexcept {
  return ::GetCurrentProcessId();
}

std::uint64_t user_id() noexcept {
  const PSID user = Identities::own().user_sid();
  return user == nullptr ? 1 : number_of(user);
}

} // namespace seqcast::inline v1::detail::platform
