// SPDX-License-Identifier: BSL-1.0
//
// sources: the project's own files, read as text, and the rules of design.md §7 as functions over text. Each
// rule gives one line per breach; no line means that it is kept.
//
// Who may use it: rules_test, which also shows on made-up text that each rule can be broken.
//
// Invariants
//   1. Paths are relative to the project's root, with '/'. Build folders and hidden ones are not looked into,
//      but for .ci.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace test {

struct Source {
  std::string path;
  std::string text;

  bool under(std::string_view folder) const {
    return path.starts_with(folder);
  }
  bool is(std::initializer_list<std::string_view> paths) const {
    return std::find(paths.begin(), paths.end(), path) != paths.end();
  }
  bool code() const {
    return path.ends_with(".hpp") || path.ends_with(".cpp");
  }
};

using Sources = std::vector<Source>;
using Breaches = std::vector<std::string>;

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The line without what follows `//`. Good enough here: no string of ours has `//` in it.
inline std::string without_comment(const std::string& line) {
  return line.substr(0, line.find("//"));
}

inline Sources read_sources(const std::filesystem::path& root) {
  Sources sources;
  for (auto entry = std::filesystem::recursive_directory_iterator{root}; entry != end(entry); ++entry) {
    const std::string name = entry->path().filename().string();
    const bool skipped = (name.starts_with(".") && name != ".ci") || name.starts_with("build");
    if (entry->is_directory()) {
      if (skipped) entry.disable_recursion_pending();
    } else if (entry->is_regular_file() && !skipped) {
      std::ifstream in{entry->path(), std::ios::binary};
      sources.push_back({std::filesystem::relative(entry->path(), root).generic_string(),
                         std::string{std::istreambuf_iterator<char>{in}, {}}});
    }
  }
  return sources;
}

/// What the file includes, without brackets and quotes.
inline std::vector<std::string> includes_of(const Source& source) {
  static const std::regex include{R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])"};
  std::vector<std::string> all;
  for (const std::string& line : lines_of(source.text)) {
    if (std::smatch found; std::regex_search(line, found, include)) all.push_back(found[1]);
  }
  return all;
}

/// Lines of code, comments left out, that match.
inline Breaches matching(const Source& source, const std::regex& pattern) {
  Breaches breaches;
  for (const std::string& line : lines_of(source.text)) {
    if (std::regex_search(without_comment(line), pattern)) breaches.push_back(source.path + ": " + line);
  }
  return breaches;
}

inline Breaches boost_outside_region(const Source& source) {
  Breaches breaches;
  if (!source.under("lib/") || source.is({"lib/src/region.cpp"})) return breaches;
  for (const std::string& include : includes_of(source)) {
    if (include.starts_with("boost/")) breaches.push_back(source.path + " includes " + include);
  }
  return breaches;
}

/// Headers of C++ itself have no dot in their names; those of the system end with .h, as do fmt's, and the
/// compiler's own that asks which instructions a processor has.
inline Breaches system_outside_platform(const Source& source) {
  static const std::regex condition{
      R"(^\s*#\s*(if|ifdef|ifndef|elif).*(__linux|__unix|__APPLE__|_WIN32|_WIN64|__FreeBSD__|__OpenBSD__|_POSIX|SYS_))"};
  Breaches breaches;
  if (!source.under("lib/") || !source.code()) return breaches;
  if (source.under("lib/src/platform/") || source.under("lib/cli/platform/")) return breaches;
  for (const std::string& include : includes_of(source)) {
    if (include == "cpuid.h" && source.is({"lib/src/copy.cpp"})) continue;
    if (include.ends_with(".h") && !include.starts_with("fmt/"))
      breaches.push_back(source.path + " includes " + include);
  }
  std::ranges::copy(matching(source, condition), std::back_inserter(breaches));
  return breaches;
}

inline Breaches orders_outside_their_files(const Source& source) {
  if (source.under("tests/") || source.under("bench/") || !source.code()) return {};
  if (source.is({"lib/include/seqcast/detail/slot.hpp", "lib/include/seqcast/detail/payload.hpp",
                 "lib/include/seqcast/detail/lines.hpp", "lib/include/seqcast/detail/doorbell.hpp",
                 "lib/src/region.cpp", "lib/src/platform/linux_truncation.cpp",
                 "lib/src/platform/windows_section.cpp", "lib/src/platform/windows_wait.cpp"})) {
    return {};
  }
  return matching(source, std::regex{"memory_order"});
}

inline Breaches casts_outside_layout(const Source& source) {
  if (!source.under("lib/") || source.is({"lib/include/seqcast/detail/layout.hpp"})) return {};
  return matching(source, std::regex{"reinterpret_cast"});
}

/// An atomic operation that leaves its memory order to the default.
inline Breaches unnamed_orders(const Source& source) {
  if (!source.under("lib/") || !source.code()) return {};
  return matching(source, std::regex{R"(\.load\(\)|\.store\([^,]*\)\s*;|\.fetch_add\([^,]*\)\s*;)"});
}

/// windows.h may come before our headers, and its min() and max() are macros unless NOMINMAX is there.
inline Breaches bare_min_and_max(const Source& source) {
  if (!source.under("lib/include/")) return {};
  return matching(source, std::regex{R"((\bmin|\bmax)\()"});
}

/// Demos and the command-line tool are users like any other.
inline Breaches private_headers_in_front(const Source& source) {
  Breaches breaches;
  const bool in_front = source.under("demos/") || source.under("lib/cli/") || source.is({"lib/docs/guide.md"});
  if (!in_front) return breaches;
  for (const std::string& include : includes_of(source)) {
    const bool inside = include.starts_with("seqcast/detail/") || include.find("lib/") != std::string::npos;
    const bool upwards = include.starts_with("..");
    if (inside || upwards) breaches.push_back(source.path + " includes " + include);
  }
  return breaches;
}

/// What each of our headers may include of the others. Nothing points up.
inline Breaches wrong_directions(const Source& source) {
  using Names = std::set<std::string>;
  static const std::map<std::string, Names> allowed{
      {"detail/layout", {}},
      {"detail/payload", {"detail/layout"}},
      {"detail/clock", {}},
      {"detail/pace", {}},
      {"detail/slot", {"detail/clock", "detail/payload"}},
      {"detail/lines", {"detail/layout"}},
      {"detail/destination", {}},
      {"detail/ring_publisher", {"detail/lines", "detail/pace", "detail/slot"}},
      {"detail/ring_subscriber", {"detail/destination", "detail/lines", "detail/slot"}},
      {"detail/recovery", {"detail/lines", "detail/slot"}},
      {"detail/doorbell", {"detail/layout"}},
      {"detail/region", {"detail/doorbell", "detail/layout", "detail/slot", "options"}},
      {"error", {}},
      {"message", {"detail/clock"}},
      {"in_place", {"detail/ring_publisher", "detail/ring_subscriber", "message"}},
      {"inspect", {"detail/region", "error", "options"}},
      {"options", {}},
      {"publisher",
       {"detail/ring_publisher", "detail/region", "detail/doorbell", "error", "in_place", "message",
        "options"}},
      {"subscriber",
       {"detail/ring_subscriber", "detail/region", "detail/doorbell", "error", "in_place", "message",
        "options"}},
      {"notifier", {"subscriber"}},
      {"seqcast",
       {"error", "in_place", "inspect", "message", "notifier", "options", "publisher", "subscriber"}},
  };
  const std::string folder = "lib/include/seqcast/";
  if (!source.under(folder)) return {};
  const std::string name = source.path.substr(folder.size(), source.path.size() - folder.size() - 4);
  const auto rule = allowed.find(name);
  if (rule == allowed.end()) return {source.path + " has no rule"};
  Breaches breaches;
  for (const std::string& include : includes_of(source)) {
    if (!include.starts_with("seqcast/")) continue;
    const std::string to = include.substr(8, include.size() - 8 - 4);
    if (!rule->second.contains(to)) breaches.push_back(source.path + " includes " + include);
  }
  return breaches;
}

/// A document that is named, in prose or in a comment, is there; tests make some up.
inline Breaches missing_documents(const Source& source, const Sources& all) {
  static const std::regex document{R"(lib/docs/[a-z0-9/-]+\.md)"};
  Breaches breaches;
  if (source.under("tests/")) return breaches;
  for (auto found = std::sregex_iterator{source.text.begin(), source.text.end(), document};
       found != std::sregex_iterator{}; ++found) {
    const std::string name = found->str();
    const bool there = std::any_of(all.begin(), all.end(), [&](const Source& one) { return one.path == name; });
    if (!there) breaches.push_back(source.path + " names " + name);
  }
  return breaches;
}

/// The first two lines, for scripts; the first one everywhere else. Prose, data, the licence and what Debian
/// reads (which is a statement of the licence itself, or knows no comments) have none.
inline Breaches without_licence(const Source& source) {
  const bool prose = source.path.ends_with(".md") || source.path.ends_with(".json") ||
                     source.path.ends_with(".svg") || source.path.ends_with(".csv") ||
                     source.path.ends_with(".txt") || source.under("bench/results/") ||
                     source.under("lib/packaging/debian/") || source.is({"LICENSE"});
  if (prose && !source.path.ends_with("CMakeLists.txt")) return {};
  if (source.text.find_first_not_of(" \n") == std::string::npos) return {}; // nothing to license
  const auto lines = lines_of(source.text);
  for (std::size_t i = 0; i < std::min<std::size_t>(2, lines.size()); ++i) {
    if (lines[i].find("SPDX-License-Identifier: BSL-1.0") != std::string::npos) return {};
  }
  return {source.path + " has no SPDX line"};
}

/// Each tag of an ordering stands at two sites at least ("// [tag] release: ..."), and has its own paragraph.
inline Breaches unpaired_tags(const Sources& files, const std::string& argument) {
  static const std::regex site{R"(//\s*\[([a-z]+(-[a-z]+)*)\]\s+(release|acquire|seq_cst))"};
  static const std::regex heading{R"(^## \[([a-z]+(-[a-z]+)*)\])"};
  std::map<std::string, int> sites;
  for (const Source& file : files) {
    for (const std::string& line : lines_of(file.text)) {
      if (std::smatch found; std::regex_search(line, found, site)) ++sites[found[1]];
    }
  }
  std::set<std::string> paragraphs;
  for (const std::string& line : lines_of(argument)) {
    if (std::smatch found; std::regex_search(line, found, heading)) paragraphs.insert(found[1]);
  }
  Breaches breaches;
  for (const auto& [tag, count] : sites) {
    if (count < 2) breaches.push_back("[" + tag + "] has no partner");
    if (!paragraphs.contains(tag)) breaches.push_back("[" + tag + "] has no paragraph");
  }
  for (const std::string& tag : paragraphs) {
    if (!sites.contains(tag)) breaches.push_back("[" + tag + "] is argued for, and is not in the code");
  }
  return breaches;
}

} // namespace test
