// SPDX-License-Identifier: BSL-1.0
//
// The links in the documents: each leads to a file or a folder that is there, or to a heading of the same page.
#include <doctest/doctest.h>
#include "support/sources.hpp"

#include <cctype>

using namespace test;

namespace {

/// A heading's anchor, as GitHub makes it: lower case, '-' for a blank, and no other marks.
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ' || c == '-') anchor += '-';
    if (std::isalnum(byte) != 0 || c == '_') anchor += static_cast<char>(std::tolower(byte));
  }
  return anchor;
}

std::set<std::string> anchors_of(const Source& page) {
  static const std::regex heading{R"(^#+ +(.*))"};
  std::set<std::string> anchors;
  for (const std::string& line : lines_of(page.text)) {
    if (std::smatch found; std::regex_search(line, found, heading)) anchors.insert(anchor_of(found[1]));
  }
  return anchors;
}

/// Of a page in the folder `root`; what leads to other machines is not followed.
Breaches dead_links(const Source& page, const std::filesystem::path& root) {
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

} // namespace

TEST_CASE("every link of the documents leads to something that is there") {
  std::size_t pages = 0;
  for (const Source& source : read_sources(SEQCAST_SOURCE_DIR)) {
    if (!source.path.ends_with(".md")) continue;
    ++pages;
    for (const std::string& breach : dead_links(source, SEQCAST_SOURCE_DIR)) FAIL_CHECK(breach);
  }
  CHECK(pages >= 6);
}

TEST_CASE("a link to nothing is noticed, and one to another machine is not followed") {
  const auto dead = [](const std::string& text) {
    return dead_links({"lib/docs/page.md", text}, SEQCAST_SOURCE_DIR).size();
  };
  CHECK(dead("[x](format.md), [y](../../README.md), [z](decisions)\n") == 0);
  CHECK(dead("[x](formats.md) and [y](../README.md)\n") == 2);
  CHECK(dead("# The *one* page's name\n\n[x](#the-one-pages-name)\n") == 0);
  CHECK(dead("# One\n\n[x](#two)\n") == 1);
  CHECK(dead("[x](https://nowhere.invalid/page)\n") == 0);
}
