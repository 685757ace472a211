// SPDX-License-Identifier: BSL-1.0
//
// The rules of design.md §8, checked over the sources themselves: where Boost, the operating system, memory
// orders and casts may occur, which header may include which, that each ordering has its partner and its
// paragraph, and that no link is dead. Made-up text shows that each rule notices a breach.
#include <doctest/doctest.h>
#include "support/sources.hpp"

using namespace test;

namespace {

const Sources& sources() {
  static const Sources all = read_sources(SEQCAST_SOURCE_DIR);
  return all;
}

template <class Rule>
void is_kept(const Rule& rule) {
  for (const Source& source : sources()) {
    for (const std::string& breach : rule(source)) FAIL_CHECK(breach);
  }
}

/// How many breaches the rule finds in this file.
template <class Rule>
std::size_t breaches(const Rule& rule, const std::string& path, const std::string& text) {
  return rule(Source{path, text}).size();
}

} // namespace

TEST_CASE("the sources are found, and build folders are not taken for them") {
  std::size_t headers = 0;
  for (const Source& source : sources()) {
    headers += source.under("lib/include/seqcast/") ? 1 : 0;
    CHECK_FALSE(source.under("build"));
    CHECK_FALSE(source.under(".git/"));
  }
  CHECK(headers >= 12);
}

TEST_CASE("only lib/src/region uses Boost") {
  is_kept(boost_outside_region);
  const std::string text = "#include <boost/interprocess/mapped_region.hpp>\n";
  CHECK(breaches(boost_outside_region, "lib/src/opening.cpp", text) == 1);
  CHECK(breaches(boost_outside_region, "lib/include/seqcast/publisher.hpp", text) == 1);
  CHECK(breaches(boost_outside_region, "lib/src/region.cpp", text) == 0);
  CHECK(breaches(boost_outside_region, "lib/src/region.hpp", text) == 0);
}

TEST_CASE("only the two platform folders use the operating system") {
  is_kept(system_outside_platform);
  for (const char* text :
       {"#include <unistd.h>\n", "#include <sys/mman.h>\n", "#include <cpuid.h>\n", "#  include <windows.h>\n",
        "#ifdef __linux__\n", "#if defined(_WIN32)\n", "#if 0\n#elif defined(__APPLE__)\n"}) {
    CAPTURE(text);
    CHECK(breaches(system_outside_platform, "lib/src/opening.cpp", text) == 1);
    CHECK(breaches(system_outside_platform, "lib/include/seqcast/detail/copy.hpp", text) == 1);
    CHECK(breaches(system_outside_platform, "lib/cli/main.cpp", text) == 1);
    CHECK(breaches(system_outside_platform, "lib/src/platform/linux.cpp", text) == 0);
    CHECK(breaches(system_outside_platform, "lib/cli/platform/linux.cpp", text) == 0);
  }
  CHECK(breaches(system_outside_platform, "lib/src/copy.cpp", "#include <cpuid.h>\n") == 0);
  CHECK(breaches(system_outside_platform, "lib/python/src/python.hpp", "#include <Python.h>\n") == 0);
  CHECK(breaches(system_outside_platform, "lib/python/src/python.hpp", "#include <unistd.h>\n") == 1);
  CHECK(breaches(system_outside_platform, "lib/dds/dds.hpp", "#include <dds/dds.h>\n") == 0);
  CHECK(breaches(system_outside_platform, "lib/cli/main.cpp", "#include <dds/dds.h>\n") == 1);
  CHECK(breaches(system_outside_platform, "lib/dds/dds.cpp", "#include <unistd.h>\n") == 1);
  CHECK(breaches(system_outside_platform, "lib/src/copy.cpp", "#include <unistd.h>\n") == 1);
  CHECK(breaches(system_outside_platform, "lib/src/opening.cpp",
                 "#include <cerrno>\n#include \"opening.hpp\"\n") == 0);
  CHECK(breaches(system_outside_platform, "lib/src/opening.cpp", "#if defined(__x86_64__)\n") == 0);
}

TEST_CASE(
    "memory orders occur only in the files of the protocol, where the identity is published, and in platform") {
  is_kept(orders_outside_their_files);
  const std::string text = "head.load(std::memory_order_acquire);\n";
  CHECK(breaches(orders_outside_their_files, "lib/include/seqcast/publisher.hpp", text) == 1);
  CHECK(breaches(orders_outside_their_files, "demos/torn.cpp", text) == 1);
  CHECK(breaches(orders_outside_their_files, "lib/src/bell.cpp", "x.load(std::memory_order::relaxed);\n") == 1);
  for (const char* file : {"ring", "copy", "follow", "header", "doorbell", "recovery"}) {
    const std::string path = std::string{"lib/include/seqcast/detail/"} + file + ".hpp";
    CHECK(breaches(orders_outside_their_files, path, text) == 0);
  }
  CHECK(breaches(orders_outside_their_files, "lib/src/bell.cpp", "// a memory_order_release in prose\n") == 0);
}

TEST_CASE("every atomic operation names its order") {
  is_kept(unnamed_orders);
  CHECK(breaches(unnamed_orders, "lib/include/seqcast/detail/ring.hpp", "x.load();\n") == 1);
  CHECK(breaches(unnamed_orders, "lib/include/seqcast/detail/ring.hpp", "x.store(1);\n") == 1);
  CHECK(breaches(unnamed_orders, "lib/src/region.cpp", "x.fetch_add(1);\n") == 1);
  CHECK(breaches(unnamed_orders, "lib/src/region.cpp", "x.store(1, std::memory_order_relaxed);\n") == 0);
}

TEST_CASE("bytes become words in layout alone") {
  is_kept(casts_outside_layout);
  const std::string text = "auto* words = reinterpret_cast<Word*>(bytes);\n";
  CHECK(breaches(casts_outside_layout, "lib/src/region.cpp", text) == 1);
  CHECK(breaches(casts_outside_layout, "lib/include/seqcast/detail/layout.hpp", text) == 0);
}

TEST_CASE("public headers compile with the macros min() and max() of windows.h") {
  is_kept(bare_min_and_max);
  const std::string header = "lib/include/seqcast/detail/ring.hpp";
  CHECK(breaches(bare_min_and_max, header, "x = std::max(a, b);\n") == 1);
  CHECK(breaches(bare_min_and_max, header, "x = time_point::min();\n") == 1);
  CHECK(breaches(bare_min_and_max, header, "x = (std::max)(a, b);\n") == 0);
  CHECK(breaches(bare_min_and_max, "lib/src/region.cpp", "x = std::max(a, b);\n") == 0);
}

TEST_CASE("demos, the guide and the command-line tool include what users include") {
  is_kept(private_headers_of_users);
  for (const char* text : {"#include <seqcast/detail/ring.hpp>\n", "#include \"../lib/src/region.hpp\"\n"}) {
    CHECK(breaches(private_headers_of_users, "demos/server.cpp", text) == 1);
    CHECK(breaches(private_headers_of_users, "lib/cli/main.cpp", text) == 1);
    CHECK(breaches(private_headers_of_users, "lib/python/src/module.cpp", text) == 1);
    CHECK(breaches(private_headers_of_users, "lib/dds/sender.cpp", text) == 1);
    CHECK(breaches(private_headers_of_users, "lib/docs/guide.md", text) == 1);
  }
  CHECK(breaches(private_headers_of_users, "demos/server.cpp", "#include <seqcast/seqcast.hpp>\n") == 0);
}

TEST_CASE("no header includes one above it, and none is without a rule") {
  is_kept(wrong_directions);
  const std::string folder = "lib/include/seqcast/";
  CHECK(breaches(wrong_directions, folder + "detail/copy.hpp", "#include <seqcast/detail/ring.hpp>\n") == 1);
  CHECK(breaches(wrong_directions, folder + "detail/ring.hpp", "#include <seqcast/options.hpp>\n") == 1);
  CHECK(breaches(wrong_directions, folder + "options.hpp", "#include <seqcast/detail/layout.hpp>\n") == 1);
  CHECK(breaches(wrong_directions, folder + "publisher.hpp", "#include <seqcast/subscriber.hpp>\n") == 1);
  CHECK(breaches(wrong_directions, folder + "detail/reliable.hpp", "#include <seqcast/detail/ring.hpp>\n") ==
        1);
  CHECK(breaches(wrong_directions, folder + "made_up.hpp", "") == 1);
  CHECK(breaches(wrong_directions, folder + "detail/ring.hpp", "#include <seqcast/detail/copy.hpp>\n") == 0);
}

TEST_CASE("public headers include no standard header that is slow to compile") {
  is_kept(slow_includes);
  CHECK(breaches(slow_includes, "lib/include/seqcast/message.hpp", "#include <functional>\n") == 1);
  CHECK(breaches(slow_includes, "lib/include/seqcast/message.hpp", "#include <span>\n") == 0);
  CHECK(breaches(slow_includes, "lib/src/waiting.cpp", "#include <algorithm>\n") == 0);
}

TEST_CASE("names that were replaced do not come back") {
  is_kept(replaced_names);
  CHECK(breaches(replaced_names, "lib/src/waiting.cpp", "class Waiting : SubscriberBase {};\n") == 1);
  CHECK(breaches(replaced_names, "bench/measure.cpp", "const auto patience = 60s;\n") == 1);
  CHECK(breaches(replaced_names, "lib/src/waiting.cpp", "told = true; // last_reported_\n") == 0);
}

TEST_CASE("every document that is named exists") {
  is_kept([](const Source& source) { return missing_documents(source, sources()); });
  const Sources all{{"lib/docs/guide.md", ""}};
  CHECK(missing_documents({"lib/src/a.cpp", "// see lib/docs/guide.md"}, all).empty());
  CHECK(missing_documents({"lib/src/a.cpp",
                           "// see lib/docs/"
                           "guides.md"},
                          all)
            .size() == 1);
}

TEST_CASE("every ordering has its partner, and its paragraph in ordering.md") {
  Sources files;
  std::string argument;
  for (const Source& source : sources()) {
    if (source.code() && source.under("lib/")) files.push_back(source);
    if (source.path == "lib/docs/ordering.md") argument = source.text;
  }
  REQUIRE_FALSE(argument.empty());
  for (const std::string& breach : unpaired_tags(files, argument)) FAIL_CHECK(breach);

  const Source both{"slot.hpp",
                    "  // [some-tag] release: pairs with the acquire\n  // [some-tag] acquire: pairs\n"};
  const Source one{"slot.hpp", "  // [some-tag] release: pairs with nothing\n  // see [some-tag]\n"};
  CHECK(unpaired_tags({both}, "## [some-tag]\n").empty());
  CHECK(unpaired_tags({one}, "## [some-tag]\n").size() == 1);
  CHECK(unpaired_tags({both}, "In prose: ## [some-tag]\n").size() == 1);
  CHECK(unpaired_tags({both}, "## [some-tag]\n## [gone]\n").size() == 1);
  CHECK(unpaired_tags(files, "").size() >= 8); // so that many are seen
}

TEST_CASE("every file says under which licence it is") {
  is_kept(without_licence);
  CHECK(breaches(without_licence, "lib/src/x.cpp", "#include <array>\n") == 1);
  CHECK(breaches(without_licence, "demos/run", "#!/bin/sh\nset -eu\n# SPDX-License-Identifier: BSL-1.0\n") ==
        1);
  CHECK(breaches(without_licence, "demos/run", "#!/bin/sh\n# SPDX-License-Identifier: BSL-1.0\n") == 0);
  CHECK(breaches(without_licence, "bench/CMakeLists.txt", "project(x)\n") == 1);
  CHECK(breaches(without_licence, "lib/src/empty.cpp", "\n") == 0);
  CHECK(breaches(without_licence, "README.md", "# seqcast\n") == 0);
}

TEST_CASE("every link of the documents leads to a file, a folder or a heading that exists") {
  std::size_t pages = 0;
  for (const Source& source : sources()) {
    if (!source.path.ends_with(".md")) continue;
    ++pages;
    for (const std::string& breach : dead_links(source, SEQCAST_SOURCE_DIR)) FAIL_CHECK(breach);
  }
  CHECK(pages >= 6);
}

TEST_CASE("a dead link is noticed, and one to another machine is skipped") {
  const auto dead = [](const std::string& text) {
    return dead_links({"lib/docs/page.md", text}, SEQCAST_SOURCE_DIR).size();
  };
  CHECK(dead("[x](format.md), [y](../../README.md), [z](decisions)\n") == 0);
  CHECK(dead("[x](formats.md) and [y](../README.md)\n") == 2);
  CHECK(dead("# The *one* page's name\n\n[x](#the-one-pages-name)\n") == 0);
  CHECK(dead("# One\n\n[x](#two)\n") == 1);
  CHECK(dead("[x](https://nowhere.invalid/page)\n") == 0);
}
