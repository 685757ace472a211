// SPDX-License-Identifier: BSL-1.0
//
// windows: what the Windows files share, and the only place that includes windows.h.
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

#include <string>
#include <string_view>

namespace seqcast::inline v1::detail::platform {

/// A code of the system's, and what GetLastError() says.
std::error_code code_of(DWORD error) noexcept;
std::error_code last_error() noexcept;

/// UTF-16 from UTF-8; empty if it is none.
std::wstring utf16(const std::string& text);
/// What path_of() has made, for the system: beyond its old limit of 260 characters in the form that has none.
std::wstring wide(const std::string& path);

/// The text and a number in hexadecimal digits, all of them.
std::wstring with_number(std::wstring text, std::uint64_t number);

/// A file's owner, as FileFacts has it; 0, which is nobody's number, where the file system knows no owners.
std::uint64_t owner_of(HANDLE file);

/// Opens a file for the sake of its lock. `flags`: OPEN_EXISTING, or CREATE_NEW.
LockFile open_for_lock(const char* path, int flags, std::error_code& error);

// Named sections, which stand for shared-memory objects. All of them are the session's own, and belong to
// whoever runs in it.

/// Whether path_of() made this path for a shared-memory object.
bool is_section(const std::string& path) noexcept;
inline constexpr std::string_view section_prefix = "Local\\seqcast.";
inline constexpr std::uint64_t section_device = ~std::uint64_t{0}; // FileId::device of every section

Handle open_section(const std::string& path, Access access, std::error_code& error);
/// A new section behind no name.
Handle create_section(const std::string& path, std::uint64_t size, std::error_code& error);
/// Gives a section its name. Errors: std::errc::file_exists if another one has it, unless `take`.
void name_section(const Handle& section, const std::string& path, bool take, std::error_code& error);
/// Takes the name away.
void remove_section(const std::string& path, std::error_code& error);
std::size_t read_section(const Handle& section, std::uint64_t offset, void* to, std::size_t size) noexcept;

/// The same section once more.
Handle duplicate(const Handle& section);

/// The object whose existence is the lock of a section.
std::wstring lock_name_of(const Handle& section);

} // namespace seqcast::inline v1::detail::platform
