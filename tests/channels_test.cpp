// SPDX-License-Identifier: BSL-1.0
//
// Which files of a folder are listed as channels, and that other files are not opened.
#include "support/file_bytes.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>
#include <seqcast/detail/layout.hpp>
#include <seqcast/seqcast.hpp>

#include <algorithm>

#include <sys/inotify.h>

using namespace test;
namespace detail = seqcast::detail;

namespace {

std::vector<std::string> names_of(const std::vector<seqcast::Location>& locations) {
  std::vector<std::string> names;
  for (const seqcast::Location& location : locations) names.push_back(location.name());
  return names;
}

/// A folder with channels and with much that is none.
struct Mixture {
  TemporaryFolder folder;

  Mixture() {
    { const seqcast::BytePublisher publisher{folder.channel("b")}; }
    { const seqcast::BytePublisher publisher{folder.channel("a")}; }
    { const seqcast::BytePublisher publisher{folder.channel("newer")}; }
    { const seqcast::BytePublisher publisher{folder.channel("foreign")}; }
    patch_file(folder / "newer", offsetof(detail::Identity, version), std::uint32_t{2});
    patch_file(folder / "foreign", 0, detail::swapped_magic);
    write_text(folder / "empty", "");
    write_text(folder / "short", "SEQ");
    write_text(folder / "text", std::string(1000, 'x'));
    std::filesystem::create_directory(folder / "folder");
    std::filesystem::create_symlink("a", folder / "link");
    std::filesystem::create_symlink("none", folder / "dangling");
    if (::mkfifo((folder / "fifo").c_str(), 0600) != 0) raise_errno("mkfifo");
  }
};

/// What in a folder is opened from now on.
class Openings {
 public:
  explicit Openings(const std::string& folder) : watch_{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)} {
    if (::inotify_add_watch(watch_.id(), folder.c_str(), IN_OPEN) < 0) raise_errno("inotify_add_watch");
  }
  std::set<std::string> names() const {
    std::set<std::string> names;
    alignas(struct inotify_event) std::array<char, 65536> events;
    const ssize_t size = ::read(watch_.id(), events.data(), events.size());
    for (std::size_t at = 0; size > 0 && at < static_cast<std::size_t>(size);) {
      const auto* event = static_cast<const struct inotify_event*>(static_cast<const void*>(&events[at]));
      if (event->len > 0) names.insert(event->name);
      at += sizeof *event + event->len;
    }
    return names;
  }

 private:
  Descriptor watch_;
};

} // namespace

TEST_CASE("channels are listed by name, with those that only a newer version or another machine can read") {
  const Mixture mixture;
  const std::string& folder = mixture.folder.path();
  const std::vector<std::string> expected{folder + "/a", folder + "/b", folder + "/foreign", folder + "/newer"};
  CHECK(names_of(seqcast::channels_in_folder(folder)) == expected);
  CHECK(names_of(seqcast::channels_in_folder(folder + "/")) == expected);
  CHECK(seqcast::channels_in_folder(folder).front() == mixture.folder.channel("a"));
}

TEST_CASE("only regular files are opened, and links are not followed") {
  const Mixture mixture;
  const Openings openings{mixture.folder.path()};
  CHECK(seqcast::channels_in_folder(mixture.folder.path()).size() == 4);
  const std::set<std::string> expected{
      "a", "a.bell", "b", "b.bell", "empty", "foreign", "foreign.bell", "newer", "newer.bell", "short", "text"};
  CHECK(openings.names() == expected);
}

TEST_CASE("a folder without channels gives an empty list, and a missing folder is an error") {
  const TemporaryFolder folder;
  CHECK(seqcast::channels_in_folder(folder.path()).empty());
  seqcast::Error error;
  CHECK(seqcast::channels_in_folder(folder / "none", error).empty());
  CHECK(error == std::errc::no_such_file_or_directory);
  CHECK_THROWS_AS(seqcast::channels_in_folder(folder / "none"), std::system_error);
  write_text(folder / "file", "text");
  CHECK(seqcast::channels_in_folder(folder / "file", error).empty());
  CHECK(error == std::errc::not_a_directory);
  CHECK(seqcast::channels_in_folder(folder.path(), error).empty());
  CHECK_FALSE(error);
}

TEST_CASE("a channel in shared memory is listed by the name that subscribers use") {
  const TemporaryObject object;
  const auto there = [&] {
    const auto found = seqcast::channels_in_shared_memory();
    return std::find(found.begin(), found.end(), object.channel()) != found.end();
  };
  CHECK_FALSE(there());
  const seqcast::BytePublisher publisher{object.channel()};
  CHECK(there());
}
