// SPDX-License-Identifier: BSL-1.0
#include "file.hpp"

namespace mcap {

void fail(std::error_code code, std::string_view file, std::string_view text) {
  throw Failure{code, std::string{file} + ": " + std::string{text} + ": " + code.message()};
}

void fail_at(std::string_view file, std::uint64_t offset, std::string_view text) {
  throw Failure{std::make_error_code(std::errc::bad_message),
                std::string{file} + " at byte " + std::to_string(offset) + ": " + std::string{text}};
}

} // namespace mcap
