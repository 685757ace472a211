// SPDX-License-Identifier: BSL-1.0
//
// linux_handle: an open file, for platform.hpp.
#pragma once

#include <utility>

namespace seqcast::inline v1::detail::platform {

/// An open file; closed by its destructor.
class Handle {
 public:
  Handle() noexcept = default;
  explicit Handle(int id) noexcept : id_{id} {}
  Handle(Handle&& other) noexcept : id_{std::exchange(other.id_, -1)} {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle();

  explicit operator bool() const noexcept {
    return id_ >= 0;
  }
  int id() const noexcept {
    return id_;
  }
  /// A shared-memory object is a file like any other here.
  static constexpr bool is_section() noexcept {
    return false;
  }

 private:
  int id_ = -1;
};

} // namespace seqcast::inline v1::detail::platform
