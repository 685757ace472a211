// SPDX-License-Identifier: BSL-1.0
//
// platform: all that the tool wants from the operating system beside the library. One source file per system,
// chosen by CMake. Errors are std::error_code, or exceptions where nothing could go on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace cli::platform {

/// The three streams that every process has.
enum class Standard { input = 0, output = 1, error = 2 };

/// Puts something into the place of those that the caller of the program has closed, so that no file that is
/// opened takes it, and is written to as standard error. To be called first in main().
void ensure_standard_streams() noexcept;

bool is_terminal(Standard stream) noexcept;

/// Columns and rows of the terminal behind the stream; {80, 24} if there is none.
struct Size {
  int columns = 80;
  int rows = 24;
};
Size terminal_size(Standard stream) noexcept;

/// Writes all of it. A reader that has gone away is std::errc::broken_pipe, never a signal.
std::error_code write_all(Standard stream, std::string_view bytes) noexcept;

/// Reads what is there, waiting for `milliseconds` at most for a first byte.
/// Gives bytes read, 0 at the end of the input, and std::errc::timed_out if nothing came.
std::size_t read_some(std::span<char> into, int milliseconds, std::error_code& error) noexcept;

/// Calls `stopped` once, in a thread of its own, with the number of the first of SIGINT, SIGTERM and SIGHUP
/// that comes. A signal that was ignored when the program began stays ignored. To be called first in main(), so
/// that no other thread takes the signals.
void on_stop(std::function<void(int)> stopped);

/// Calls `closed` once, in a thread of its own, when nobody reads standard output any more.
void on_output_closed(std::function<void()> closed);

/// Ends this process by the signal, as if it had never been caught: shells and systemd look at that.
[[noreturn]] void end_by(int signal) noexcept;

/// Processors that this process may run on.
unsigned processors() noexcept;

enum class Limit { locked_memory, file_size };
/// Bytes that the system allows this process; nothing if it sets no limit.
std::optional<std::uint64_t> limit_of(Limit limit) noexcept;

/// Whether this process may make files in the folder.
bool may_write(const std::string& folder) noexcept;

std::uint64_t user_id() noexcept;
std::uint64_t process_id() noexcept;

/// The running program's own path; empty if the system does not tell.
std::string own_path();

/// Runs another program in this one's place. Returns only if that failed.
std::error_code become(const std::string& path, const std::vector<std::string>& arguments) noexcept;

} // namespace cli::platform
