// SPDX-License-Identifier: BSL-1.0
//
// findings: what 'seqcast doctor' looks at, one function each: what the system is like, and what to do where
// that is in seqcast's way. They read files of the system and ask it; only the trial makes anything, and
// removes it.
//
// Invariants
//   1. What cannot be read is no finding, and no failure.
//   2. A Grade::problem keeps channels from working; a Grade::warning makes them slower, or end when nobody
//      expects it.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace cli {

enum class Grade { good, note, warning, problem };

/// "ok", "note", "warning", "problem".
const char* to_string(Grade grade) noexcept;

struct Finding {
  Grade grade = Grade::good;
  std::string subject;
  std::string found;
  std::string advice; ///< what to do; empty if there is nothing
};

/// Everything about the system whose files are below `root` ("" for this one).
std::vector<Finding> examine(const std::string& root);

/// Publishes a message through shared memory, and receives it.
Finding trial();

Finding look_at_shared_memory(const std::string& root);
Finding look_at_permissions(const std::string& root);
std::optional<Finding> look_at_remove_ipc(const std::string& root);
std::optional<Finding> look_at_container(const std::string& root);
Finding look_at_processors(const std::string& root);
std::optional<Finding> look_at_governor(const std::string& root);
std::optional<Finding> look_at_kernel(const std::string& root);
std::optional<Finding> look_at_clock(const std::string& root);
std::optional<Finding> look_at_swap(const std::string& root);
std::optional<Finding> look_at_huge_pages(const std::string& root);
std::optional<Finding> look_at_file_size();

/// The text with "64 MiB" and the like for a number of bytes.
std::string to_size(std::uint64_t bytes);

} // namespace cli
