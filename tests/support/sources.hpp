// SPDX-License-Identifier: BSL-1.0
//
// sources: the project's own files, read as text, and the rules of design.md §8 as functions over text. Each
// rule gives one line per breach; no line means that it is kept.
//
// Who may use it: rules_test, which also shows on made-up text that each rule can be broken.
//
// Invariants
//   1. Paths are relative to the project's root, with '/'. Build folders are skipped, and hidden ones other
//      than .ci.
#pragma once

#include <algorithm>
#include <cctype>
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
    return path.ends_with(".hpp") || path.ends_with(".cpp") || path.ends_with(".h") || path.ends_with(".c");
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

/// The line without what follows `//`: no string of this project has `//` in it.
inline std::string without_comment(const std::string& line) {
  return line.substr(0, line.find("//"));
}

inline Sources read_sources(const std::filesystem::path& root) {
  Sources sources;
  for (auto entry = std::filesystem::recursive_directory_iterator{root}; entry != end(entry); ++entry) {
    const std::string name = entry->path().filename().string();
    const bool skipped = (name.starts_with(".") && name != ".ci") || name.starts_with("build") ||
                         name.ends_with(".egg-info") || name == "__pycache__"; // what a wheel leaves
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
  if (!source.under("lib/") || source.is({"lib/src/region.hpp", "lib/src/region.cpp"})) return breaches;
  for (const std::string& include : includes_of(source)) {
    if (include.starts_with("boost/")) breaches.push_back(source.path + " includes " + include);
  }
  return breaches;
}

/// Headers of C++ itself have no dot in their names. Those of the system end with .h, as do fmt's, and the
/// compiler's own that asks for the instructions that a processor has. seqcast.h is C, and includes C's.
inline Breaches system_outside_platform(const Source& source) {
  static const std::regex condition{
      R"(^\s*#\s*(if|ifdef|ifndef|elif).*(__linux|__unix|__APPLE__|_WIN32|_WIN64|__FreeBSD__|__OpenBSD__|_POSIX|SYS_))"};
  Breaches breaches;
  if (!source.under("lib/") || !source.code()) return breaches;
  for (const char* folder : {"lib/src/platform/", "lib/cli/platform/", "lib/mcap/platform/"}) {
    if (source.under(folder)) return breaches;
  }
  for (const std::string& include : includes_of(source)) {
    if (include == "cpuid.h" && source.is({"lib/src/copy.cpp"})) continue;
    if (include == "seqcast/seqcast.h" && source.is({"lib/src/c.cpp"})) continue;
    if (include.starts_with("std") && source.is({"lib/include/seqcast/seqcast.h"})) continue;
    if (source.is({"lib/mcap/codec.cpp"})) continue; // zlib and zstd
    // Cyclone DDS, and the types that its compiler makes of mirror.idl.
    if ((include == "dds/dds.h" || include == "mirror.h") && source.under("lib/dds/")) continue;
    // CPython, and the compiler's name for the exception that ends a thread.
    if ((include == "Python.h" || include == "cxxabi.h") && source.under("lib/python/")) continue;
    if (include.ends_with(".h") && !include.starts_with("fmt/"))
      breaches.push_back(source.path + " includes " + include);
  }
  // The type of a native handle is the one difference in the public interface.
  if (source.is({"lib/include/seqcast/poll_descriptor.hpp"})) return breaches;
  std::ranges::copy(matching(source, condition), std::back_inserter(breaches));
  return breaches;
}

inline Breaches orders_outside_their_files(const Source& source) {
  if (source.under("tests/") || source.under("bench/") || !source.code()) return {};
  if (source.under("lib/src/platform/")) return {};
  if (source.is({"lib/include/seqcast/detail/ring.hpp", "lib/include/seqcast/detail/copy.hpp",
                 "lib/include/seqcast/detail/follow.hpp", "lib/include/seqcast/detail/header.hpp",
                 "lib/include/seqcast/detail/doorbell.hpp", "lib/include/seqcast/detail/recovery.hpp",
                 "lib/include/seqcast/detail/reliable.hpp",
                 "lib/src/region.cpp"})) { // where the identity is published
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

/// windows.h may come before a public header, and its min() and max() are macros unless NOMINMAX is defined.
inline Breaches bare_min_and_max(const Source& source) {
  if (!source.under("lib/include/")) return {};
  return matching(source, std::regex{R"((\bmin|\bmax)\()"});
}

/// Demos, bench, the command-line tool and the Python package use public headers only.
inline Breaches private_headers_of_users(const Source& source) {
  Breaches breaches;
  const bool user = source.under("demos/") || source.under("lib/cli/") || source.under("lib/python/") ||
                    source.under("lib/mcap/") || source.under("lib/dds/") || source.is({"lib/docs/guide.md"});
  if (!user) return breaches;
  for (const std::string& include : includes_of(source)) {
    const bool inside = include.starts_with("seqcast/detail/") || include.find("lib/") != std::string::npos;
    const bool upwards = include.starts_with("..");
    if (inside || upwards) breaches.push_back(source.path + " includes " + include);
  }
  return breaches;
}

/// Which other headers each header of the library may include. Nothing points up.
inline Breaches wrong_directions(const Source& source) {
  using Names = std::set<std::string>;
  static const std::map<std::string, Names> allowed{
      {"detail/layout", {}},
      {"detail/copy", {"detail/layout"}},
      {"detail/header", {"detail/layout"}},
      {"detail/doorbell", {"detail/layout"}},
      {"detail/follow", {"detail/copy", "detail/header", "detail/layout"}},
      {"detail/pace", {}},
      {"detail/reliable", {"detail/layout"}},
      {"detail/ring",
       {"detail/copy", "detail/follow", "detail/header", "detail/layout", "detail/pace", "detail/reliable"}},
      {"detail/recovery", {"detail/header", "detail/layout", "detail/ring"}},
      {"detail/region", {"detail/layout", "error", "message", "options", "schema"}},
      {"error", {}},
      {"options", {"error"}},
      {"message", {}},
      {"schema", {"error", "message"}},
      {"inspect", {"detail/region", "error", "options", "schema"}},
      {"publisher", {"detail/doorbell", "detail/region", "detail/ring", "error", "message", "options"}},
      {"subscriber",
       {"detail/doorbell", "detail/region", "detail/ring", "error", "message", "options", "schema"}},
      {"poll_descriptor", {"subscriber"}},
      {"seqcast",
       {"error", "inspect", "message", "options", "poll_descriptor", "publisher", "schema", "subscriber"}},
  };
  const std::string folder = "lib/include/seqcast/";
  if (!source.under(folder)) return {};
  if (source.path == folder + "seqcast.h")
    return matching(source, std::regex{"include.*seqcast"}); // C, on its own
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

/// Headers that would make every user's program slower to compile.
inline Breaches slow_includes(const Source& source) {
  static const std::set<std::string> slow{"algorithm", "functional", "iostream", "ranges", "regex", "thread"};
  Breaches breaches;
  if (!source.under("lib/include/")) return breaches;
  for (const std::string& include : includes_of(source)) {
    if (slow.contains(include)) breaches.push_back(source.path + " includes " + include);
  }
  return breaches;
}

/// Names that were replaced by terms of the field (CHANGELOG.md has the table).
inline Breaches replaced_names(const Source& source) {
  static const std::regex names{
      R"(\b(PublisherBase|SubscriberBase|WaitedFor|intact|Notifier|wake_always|huge_pages|HardwareAtomics|own_ahead)"
      R"(|own_lines|most_looks|told_|look_around|BoundedInto|ExactInto|patience|astray|belongings|aftermath|breathe)\b)"};
  // The flag of the format keeps its name.
  if (!source.code() || source.is({"tests/support/sources.hpp", "tests/rules_test.cpp"})) return {};
  return matching(source, names);
}

/// A document that prose or a comment names exists. Tests name made-up ones.
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

/// A heading's anchor, as GitHub makes it: lower case, '-' for a blank, and no other marks.
inline std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ' || c == '-') anchor += '-';
    if (std::isalnum(byte) != 0 || c == '_') anchor += static_cast<char>(std::tolower(byte));
  }
  return anchor;
}

inline std::set<std::string> anchors_of(const Source& page) {
  static const std::regex heading{R"(^#+ +(.*))"};
  std::set<std::string> anchors;
  for (const std::string& line : lines_of(page.text)) {
    if (std::smatch found; std::regex_search(line, found, heading)) anchors.insert(anchor_of(found[1]));
  }
  return anchors;
}

/// Links of a page below the folder `root` that lead to no file, folder or heading. Links to other machines
/// are skipped.
inline Breaches dead_links(const Source& page, const std::filesystem::path& root) {
  static const std::regex link{R"(\]\(([^)\s]+)\))"};
  const std::set<std::string> anchors = anchors_of(page);
  Breaches breaches;
  for (auto found = std::sregex_iterator{page.text.begin(), page.text.end(), link};
       found != std::sregex_iterator{}; ++found) {
    const std::string to = (*found)[1];
    if (to.find("://") != std::string::npos) continue;
    const std::string file = to.substr(0, to.find('#'));
    const bool there =
        to.starts_with("#") ? anchors.contains(to.substr(1)) : exists((root / page.path).parent_path() / file);
    if (!there) breaches.push_back(page.path + " links to " + to + ", which is not there");
  }
  return breaches;
}

/// In the first two lines. Prose, data, the licence and the files for Debian (which state the licence
/// themselves, or have no comments) have none.
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

/// Each tag of an ordering has at least two sites ("// [tag] release: ..."), and a paragraph of its own.
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
    if (!sites.contains(tag)) breaches.push_back("[" + tag + "] has a paragraph, and no site in the code");
  }
  return breaches;
}

} // namespace test
