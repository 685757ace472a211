// SPDX-License-Identifier: BSL-1.0
//
// windows_handle: an open file or section, for platform.hpp. Nothing here includes a system header.
#pragma once

#include <cstdint>
#include <utility>

namespace seqcast::inline v1::detail::platform {

/// What windows_section.cpp knows of an open section; all zeros for a file.
struct SectionFacts {
  void* name = nullptr;   // the object that stands for the channel's name: it lives for as long as this does
  std::uint64_t id = 0;   // never 0 for a section
  std::uint64_t size = 0; // bytes, as asked for; the system's own number is rounded up to whole pages
};

/// An open file, or the section of a named shared-memory object; closed by its destructor.
class Handle {
 public:
  Handle() noexcept = default;
  /// Null stands for none.
  explicit Handle(void* id, SectionFacts section = {}) noexcept : id_{id}, section_{section} {}
  Handle(Handle&& other) noexcept
      : id_{std::exchange(other.id_, nullptr)}, section_{std::exchange(other.section_, {})} {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(section_, other.section_);
    return *this;
  }
  ~Handle();

  explicit operator bool() const noexcept {
    return id_ != nullptr;
  }
  void* id() const noexcept {
    return id_;
  }
  bool is_section() const noexcept {
    return section_.id != 0;
  }
  const SectionFacts& section() const noexcept {
    return section_;
  }

 private:
  void* id_ = nullptr;
  SectionFacts section_;
};

} // namespace seqcast::inline v1::detail::platform
