// SPDX-License-Identifier: BSL-1.0
//
// platform: what the tool needs from the operating system beside the library. One source file per system,
// chosen by CMake. Errors are std::error_code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace cli::platform {

/// The standard streams of a process.
enum class Standard { input = 0, output = 1, error = 2 };

/// Opens a placeholder for each standard stream that is closed, so that no file opened later gets its number.
/// Requires: called first in main().
void ensure_standard_streams() noexcept;

bool is_terminal(Standard stream) noexcept;

/// Whether this process is in the terminal's foreground, not a background job of its shell.
bool in_foreground(Standard stream) noexcept;

/// Columns and rows of the terminal behind the stream; {80, 24} if there is none.
struct Size {
  int columns = 80;
  int rows = 24;
};
Size terminal_size(Standard stream) noexcept;

/// Writes all bytes. If the reader has closed the stream: std::errc::broken_pipe, and no signal.
std::error_code write_all(Standard stream, std::string_view bytes) noexcept;

/// Reads available bytes of standard input, after waiting at most `milliseconds` for the first one.
/// Gives the number of bytes, 0 at the end of the input. Errors: std::errc::timed_out if no byte arrived.
std::size_t read_some(std::span<char> buffer, int milliseconds, std::error_code& error) noexcept;

/// Puts a terminal on standard input into a mode that delivers single keys and does not echo them, until this
/// object is destroyed. Ctrl-C still interrupts; the keys that stop or dump a process are disabled, so that the
/// terminal is always restored. No effect where standard input is no terminal.
class Keyboard {
 public:
  Keyboard();
  Keyboard(const Keyboard&) = delete;
  ~Keyboard();
  /// Whether read_some() delivers keys.
  bool present() const noexcept {
    return saved_ != nullptr;
  }

 private:
  struct Mode;
  std::unique_ptr<Mode> saved_;
};

/// Calls `stopped` once, in another thread, with the number of the first SIGINT, SIGTERM or SIGHUP. A signal
/// that was ignored when the program began stays ignored. SIGPIPE and SIGXFSZ are ignored from here on: what is
/// written to a closed pipe, or beyond the limit on the size of files, is an error instead. Requires: called before any other thread is started,
/// so that no thread receives these signals itself.
void on_stop(std::function<void(int)> stopped);

/// Calls `closed` once, in another thread, when the reader of standard output has closed it.
void on_output_closed(std::function<void()> closed);

/// The signal that this word names, SIGUSR1 or SIGUSR2; nothing for any other word.
std::optional<int> user_signal(std::string_view word) noexcept;
/// Takes note of this signal from here on; it ends nothing any more. Errors: throws std::system_error.
void note_signal(int signal);
/// Whether it has come since the last call.
bool signal_came() noexcept;

/// A command that a shell runs in the background, without standard input; what it prints goes to standard error.
/// It ends with this object, or with this process.
class ShellCommand {
 public:
  /// Errors: throws std::system_error.
  explicit ShellCommand(const std::string& command);
  ShellCommand(const ShellCommand&) = delete;
  ~ShellCommand();
  /// Its exit status, as shells have it; nothing while it runs.
  std::optional<int> status() noexcept;

 private:
  int process_;
  std::optional<int> status_;
};

/// Lets sleeps of this thread end when their time is over: the kernel may otherwise add 50 microseconds.
void sleep_precisely() noexcept;

/// Ends this process by the default action of the signal: shells and systemd check how a process ended.
[[noreturn]] void end_by(int signal) noexcept;

/// Processors that this process may run on.
unsigned processors() noexcept;

enum class Limit { locked_memory, file_size };
/// Bytes that the system allows this process; nothing if there is no limit.
std::optional<std::uint64_t> limit_of(Limit limit) noexcept;

/// Whether the name matches the pattern of a shell.
bool matches(const std::string& name, const std::string& pattern) noexcept;

/// Whether a process holds a lock on the file that keeps others from writing it; nothing if that cannot be asked.
std::optional<bool> is_locked(const std::string& path) noexcept;

/// Whether this process may create files in the folder.
bool may_write(const std::string& folder) noexcept;

std::uint64_t user_id() noexcept;
std::uint64_t process_id() noexcept;

} // namespace cli::platform
