// SPDX-License-Identifier: BSL-1.0
#include "input.hpp"

#include "platform/platform.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <utility>

namespace cli {

namespace {

constexpr std::size_t chunk = 65536;
constexpr std::size_t header_size = 4;
// How soon a stop is noticed while nothing comes.
constexpr int slice_ms = 50;

std::uint32_t size_in(std::string_view header) {
  std::uint32_t size = 0;
  for (std::size_t i = header_size; i-- > 0;) size = size << 8 | static_cast<unsigned char>(header[i]);
  return size;
}

} // namespace

bool Input::more() {
  if (begin_ > 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= std::exchange(begin_, 0);
  }
  if (buffer_.size() < end_ + chunk) buffer_.resize(std::max(end_ + chunk, end_ + end_ / 2));
  std::error_code error = std::make_error_code(std::errc::timed_out);
  std::size_t size = 0;
  while (error == std::errc::timed_out && !stop_.requested()) {
    size = platform::read_some({buffer_.data() + end_, buffer_.size() - end_}, slice_ms, error);
  }
  if (stop_.requested()) return false;
  if (error) throw Failure{Exit::failure, "cannot read standard input: " + error.message()};
  end_ += size;
  return size > 0;
}

std::optional<Lines::Line> Lines::next() {
  input_.take(std::exchange(taken_, 0));
  std::size_t searched = 0;
  for (;;) {
    const std::string_view there = input_.there();
    const std::size_t end = there.find('\n', searched);
    const std::size_t size = std::min(end, there.size());
    if (size > longest_) return pass_over();
    if (end != std::string_view::npos) {
      taken_ = end + 1;
      return Line{there.substr(0, end), end, false};
    }
    searched = there.size();
    if (input_.more()) continue;
    if (input_.there().empty() || stop_.requested()) return std::nullopt;
    taken_ = input_.there().size();
    return Line{input_.there(), taken_, false}; // the last one, without its newline
  }
}

std::optional<Lines::Line> Lines::pass_over() {
  std::uint64_t size = 0;
  do {
    const std::string_view there = input_.there();
    const std::size_t end = there.find('\n');
    size += std::min(end, there.size());
    input_.take(end == std::string_view::npos ? there.size() : end + 1);
    if (end != std::string_view::npos) return Line{{}, size, true};
  } while (input_.more());
  if (stop_.requested()) return std::nullopt;
  return Line{{}, size, true};
}

bool Frames::await(std::size_t size) {
  while (input_.there().size() < size) {
    if (!input_.more()) return false;
  }
  return true;
}

std::optional<std::string_view> Frames::next() {
  input_.take(std::exchange(taken_, 0));
  if (!await(header_size)) {
    if (stop_.requested() || input_.there().empty()) return std::nullopt;
    throw cut_off(fmt::format("{} of the 4 bytes that say its size", input_.there().size()));
  }
  const std::uint32_t size = size_in(input_.there());
  if (size > longest_) throw too_long(size);
  if (!await(header_size + size)) {
    if (stop_.requested()) return std::nullopt;
    throw cut_off(fmt::format("{} of {} bytes", input_.there().size() - header_size, size));
  }
  taken_ = header_size + size;
  ++number_;
  return input_.there().substr(header_size, size);
}

Failure Frames::cut_off(const std::string& found) const {
  return {Exit::failure,
          fmt::format("the input ends in the middle of message {}: {}; the {} before it were published",
                      number_ + 1, found, number_)};
}

Failure Frames::too_long(std::uint32_t size) const {
  return {Exit::failure,
          fmt::format("message {} of the input has {} bytes, the channel takes {}: give pub --size {}, and "
                      "--replace if the channel is there already; or leave out --raw if the input is text",
                      number_ + 1, size, longest_, size)};
}

std::string frame_header(std::uint32_t size) {
  std::string header(header_size, '\0');
  for (char& byte : header) {
    byte = static_cast<char>(size & 0xFF);
    size >>= 8;
  }
  return header;
}

} // namespace cli
