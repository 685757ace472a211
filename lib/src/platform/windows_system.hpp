// SPDX-License-Identifier: BSL-1.0
//
// windows_system: what the Windows source files share. The only place that includes windows.h.
#pragma once

#include "platform.hpp"

#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00
#endif
#include <windows.h>

#include <string_view>

namespace seqcast::inline v1::detail::platform {

/// A code of the system's.
std::error_code code_of(DWORD error) noexcept;

/// UTF-16 from UTF-8; empty if it is not valid.
std::wstring utf16(const std::string& text);
/// The path of a place for the system. Beyond the old limit of 260 characters: in the form that has no limit.
std::wstring wide(const std::string& path);

/// A short text with numbers. Allocates nothing: publish() may wait for the name of an event.
class ObjectName {
 public:
  ObjectName& operator<<(std::wstring_view text) noexcept {
    for (const wchar_t unit : text) text_[size_++] = unit;
    return *this;
  }
  /// All its hexadecimal digits.
  ObjectName& operator<<(std::uint64_t number) noexcept {
    for (int shift = 60; shift >= 0; shift -= 4) text_[size_++] = L"0123456789abcdef"[number >> shift & 15];
    return *this;
  }
  const wchar_t* c_str() const noexcept {
    return text_.data();
  }

 private:
  std::array<wchar_t, 96> text_{}; // a prefix and four numbers, and zeros
  std::size_t size_ = 0;
};

/// The owner of a file, as in FileStatus; 0, which is no user's number, where the file system has no owners.
std::uint64_t owner_of(HANDLE file);

// Named sections, which are the shared-memory objects. They belong to this session and its user.

/// Whether this is the path of a shared-memory object.
bool is_section(const std::string& path) noexcept;
inline constexpr std::string_view section_prefix = "Local\\seqcast.";
inline constexpr std::uint64_t section_device = ~std::uint64_t{0}; // FileId::device of every section

Handle open_section(const std::string& path, Access access, std::error_code& error);
/// A new section that has no name.
Handle create_section(const std::string& path, std::uint64_t size, std::error_code& error);
/// Gives a section its name. Errors: std::errc::file_exists if another section has it, unless `replace`.
void name_section(const Handle& section, const std::string& path, bool replace, std::error_code& error);
/// Removes the name.
void remove_section(const std::string& path, std::error_code& error);
std::size_t read_section(const Handle& section, std::uint64_t offset, void* to, std::size_t size) noexcept;
/// A second handle to the section.
Handle duplicate(const Handle& section);

} // namespace seqcast::inline v1::detail::platform
