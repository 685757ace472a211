// SPDX-License-Identifier: BSL-1.0
//
// file: where the bytes of an MCAP file go to and come from, and how all of mcap fails. Files are in
// platform/; tests put memory in their place.
//
// Who may call it: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace mcap {

using Bytes = std::span<const std::byte>;

/// What mcap throws. what() is the whole explanation: which file, at which byte, what is wrong. The code is the
/// system's, or std::errc::bad_message for bytes that are not as MCAP or seqcast has them.
class Failure : public std::system_error {
 public:
  Failure(std::error_code code, std::string text)
      : std::system_error{code}, text_{std::make_shared<const std::string>(std::move(text))} {}

  const char* what() const noexcept override {
    return text_->c_str();
  }

 private:
  std::shared_ptr<const std::string> text_; // shared, so that copying an exception does not throw
};

/// Throws a Failure of the system's code: "FILE: TEXT: CODE".
[[noreturn]] void fail(std::error_code code, std::string_view file, std::string_view text);
/// Throws a Failure of bad_message: "FILE at byte OFFSET: TEXT".
[[noreturn]] void fail_at(std::string_view file, std::uint64_t offset, std::string_view text);

/// Takes the bytes of a file, in order.
class Sink {
 public:
  virtual ~Sink() = default;
  /// For error texts.
  virtual const std::string& name() const noexcept = 0;
  /// Appends all parts. Errors: throws Failure; some of the bytes may be in the file then.
  virtual void write(std::span<const Bytes> parts) = 0;
  /// Removes what is behind the first `size` bytes, so that the next write comes there. False if
  /// that is impossible.
  virtual bool truncate(std::uint64_t size) noexcept = 0;
  /// Returns when the bytes would survive a power cut. Errors: throws Failure.
  virtual void sync() = 0;
};

/// Gives the bytes of a file that does not change meanwhile; what is appended later is not seen.
class Source {
 public:
  virtual ~Source() = default;
  /// For error texts.
  virtual const std::string& name() const noexcept = 0;
  /// Bytes.
  virtual std::uint64_t size() const noexcept = 0;
  /// Fills `bytes` from `offset` on. Requires: they are within size(). Errors: throws Failure, also if the file
  /// has become shorter.
  virtual void read(std::uint64_t offset, std::span<std::byte> bytes) const = 0;
};

/// Bytes that may be allocated for one thing; what is larger is an error.
struct Limits {
  std::uint64_t chunk = std::uint64_t{4} << 30;   ///< A chunk, compressed or not.
  std::uint64_t record = std::uint64_t{16} << 20; ///< Any other record.
  std::uint64_t summary = std::uint64_t{1} << 30; ///< The summary.
};

/// Creates the file. One that is there is an error, unless `replace`; then it is emptied first.
/// Errors: throws Failure with the system's code.
std::unique_ptr<Sink> create_file(const std::string& path, bool replace);

/// Opens the file. Errors: throws Failure with the system's code; with std::errc::invalid_argument if it is no
/// regular file.
std::unique_ptr<Source> open_file(const std::string& path);

} // namespace mcap
