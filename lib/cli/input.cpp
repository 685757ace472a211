// SPDX-License-Identifier: BSL-1.0
#include "input.hpp"

#include "platform/platform.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <utility>

namespace cli {

namespace {

constexpr std::size_t chunk_size = 65536;
constexpr std::size_t frame_header_size = 4;
constexpr std::uint32_t longest_frame = std::uint32_t{1} << 31;
// The longest time from a stop to its effect while no input arrives.
constexpr int poll_interval_ms = 50;

std::uint32_t frame_size(std::string_view header) {
  std::uint32_t size = 0;
  for (std::size_t i = frame_header_size; i-- > 0;) size = size << 8 | static_cast<unsigned char>(header[i]);
  return size;
}

} // namespace

bool Input::read_more() {
  if (begin_ > 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= std::exchange(begin_, 0);
  }
  if (buffer_.size() < end_ + chunk_size) buffer_.resize(std::max(end_ + chunk_size, end_ + end_ / 2));
  std::error_code error = std::make_error_code(std::errc::timed_out);
  std::size_t size = 0;
  while (error == std::errc::timed_out && !stop_.requested()) {
    size = platform::read_some({buffer_.data() + end_, buffer_.size() - end_}, poll_interval_ms, error);
    if (error == std::errc::timed_out) while_waiting_();
  }
  if (stop_.requested()) return false;
  if (error) throw Failure{Exit::failure, "cannot read standard input: " + error.message()};
  end_ += size;
  return size > 0;
}

std::optional<Lines::Line> Lines::next() {
  input_.consume(std::exchange(given_size_, 0));
  std::size_t searched = 0;
  for (;;) {
    const std::string_view available = input_.available();
    const std::size_t end = available.find('\n', searched);
    const std::size_t size = std::min(end, available.size());
    if (size > max_size_) return skip_line();
    if (end != std::string_view::npos) {
      given_size_ = end + 1;
      return Line{available.substr(0, end), end, false};
    }
    searched = available.size();
    if (input_.read_more()) continue;
    if (input_.available().empty() || stop_.requested()) return std::nullopt;
    given_size_ = input_.available().size();
    return Line{input_.available(), given_size_, false}; // the last line, which has no newline
  }
}

std::optional<Lines::Line> Lines::skip_line() {
  std::uint64_t size = 0;
  do {
    const std::string_view available = input_.available();
    const std::size_t end = available.find('\n');
    size += std::min(end, available.size());
    input_.consume(end == std::string_view::npos ? available.size() : end + 1);
    if (end != std::string_view::npos) return Line{{}, size, true};
  } while (input_.read_more());
  if (stop_.requested()) return std::nullopt;
  return Line{{}, size, true};
}

bool Frames::read_at_least(std::size_t size) {
  while (input_.available().size() < size) {
    if (!input_.read_more()) return false;
  }
  return true;
}

std::optional<std::string_view> Frames::next() {
  input_.consume(std::exchange(given_size_, 0));
  if (!read_at_least(frame_header_size)) {
    if (stop_.requested() || input_.available().empty()) return std::nullopt;
    throw truncated(fmt::format("{} of the 4 bytes of its size", input_.available().size()));
  }
  const std::uint32_t size = frame_size(input_.available());
  if (size > max_size_) throw too_long(size);
  if (!read_at_least(frame_header_size + size)) {
    if (stop_.requested()) return std::nullopt;
    throw truncated(fmt::format("{} of {} bytes", input_.available().size() - frame_header_size, size));
  }
  given_size_ = frame_header_size + size;
  ++count_;
  return input_.available().substr(frame_header_size, size);
}

Failure Frames::truncated(const std::string& detail) const {
  return {
      Exit::failure,
      fmt::format("the input ends in the middle of message {}, after {}. {} published before it", count_ + 1,
                  detail, count_ == 1 ? "1 message was" : fmt::format("{} messages were", count_))};
}

Failure Frames::too_long(std::uint32_t size) const {
  std::string advice = "If the input is text, leave out --raw";
  if (size <= longest_frame)
    advice += fmt::format("; otherwise --replace --size {} makes a channel that takes it", size);
  return {Exit::failure, fmt::format("message {} of the input has {} bytes, the channel takes {}. {}",
                                     count_ + 1, size, max_size_, advice)};
}

std::string frame_header(std::uint32_t size) {
  std::string header(frame_header_size, '\0');
  for (char& byte : header) {
    byte = static_cast<char>(size & 0xFF);
    size >>= 8;
  }
  return header;
}

} // namespace cli
