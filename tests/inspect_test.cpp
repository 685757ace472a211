// SPDX-License-Identifier: BSL-1.0
//
// What an Inspector reports of a channel, in one process: identity, status and slots, of sound and of
// damaged regions.
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>
#include <seqcast/detail/layout.hpp>
#include <seqcast/seqcast.hpp>

using namespace test;
namespace detail = seqcast::detail;

namespace {

struct alignas(16) Quote {
  double bid, ask;
};

std::string text_of(const seqcast::SlotContent& content) {
  const auto* text = static_cast<const char*>(static_cast<const void*>(content.bytes.data()));
  return {text, content.bytes.size()};
}

/// The offset in the file of a word of slot `index`.
std::size_t word_in(const seqcast::ChannelIdentity& identity, std::uint64_t index, std::size_t word) {
  return identity.slots_offset + index * identity.slot_stride + word * detail::word_size;
}

} // namespace

template <>
struct seqcast::schema<Quote> {
  static constexpr std::string_view name = "acme.Quote";
  static constexpr auto fields =
      seqcast::fields(seqcast::field("bid", &Quote::bid), seqcast::field("ask", &Quote::ask));
};

TEST_CASE("the identity is what the publisher's options made it") {
  const TemporaryFolder folder;
  const auto place = folder.channel();
  const seqcast::BytePublisher publisher{place,
                                         {.capacity = 16,
                                          .max_message_size = 100,
                                          .message_alignment = 32,
                                          .timestamps = true,
                                          .copy_behind = true,
                                          .gaps = true,
                                          .wakeup = seqcast::Wakeup::every_message}};
  const seqcast::Inspector inspector{place};
  const seqcast::ChannelIdentity& identity = inspector.identity();
  CHECK(inspector.location() == place);
  CHECK(identity.format_version == 1);
  CHECK(identity.capacity == 16);
  CHECK(identity.max_message_size == 100);
  CHECK(identity.message_alignment == 32);
  CHECK(identity.payload_offset == 32);
  CHECK(identity.slot_stride == 192); // 32 + 104, in whole cache lines
  CHECK(identity.slots_offset == 512);
  CHECK(identity.region_size == 512 + 16 * 192);
  CHECK(identity.timestamps);
  CHECK(identity.copy_behind);
  CHECK(identity.gaps);
  CHECK(identity.wakeup == seqcast::Wakeup::every_message);
  CHECK(identity.unknown_flags == 0);
  CHECK(identity.schema_tag == 0);
  CHECK(identity.schema_name.empty());
  if (identity.created_at) CHECK(*identity.created_at > std::chrono::system_clock::time_point{});
}

TEST_CASE("a large message of one size begins a cache line, small ones share one with the version") {
  struct Smaller {
    std::array<std::byte, 2047> bytes;
  };
  struct Larger {
    std::array<std::byte, 2048> bytes;
  };
  const auto offset = [](auto make) {
    const TemporaryFolder folder;
    const auto place = folder.channel();
    const auto publisher = make(place);
    return seqcast::Inspector{place}.identity().payload_offset;
  };
  CHECK(offset([](const auto& place) { return seqcast::Publisher<Smaller>{place}; }) == 16);
  CHECK(offset([](const auto& place) { return seqcast::Publisher<Larger>{place}; }) == 64);
  // Its messages may be of any size.
  CHECK(offset([](const auto& place) {
          return seqcast::BytePublisher{place, {.max_message_size = 2048}};
        }) == 16);
}

TEST_CASE("the identity names the schema of a typed channel, and flags that a newer version may have set") {
  const TemporaryFolder folder;
  const auto place = folder.channel();
  { const seqcast::Publisher<Quote> publisher{place}; }
  patch_file(place.name(), offsetof(detail::Identity, compatible_flags), detail::flag_bell | 1U << 20);
  const seqcast::Inspector inspector{place};
  CHECK(inspector.identity().schema_tag == inspector.schema().tag());
  CHECK(inspector.identity().schema_name == "acme.Quote");
  CHECK(inspector.identity().max_message_size == 16);
  CHECK(inspector.identity().message_alignment == 16);
  CHECK(inspector.identity().wakeup == seqcast::Wakeup::bell);
  CHECK(inspector.identity().unknown_flags == 1U << 20);
}

TEST_CASE("the status follows a channel from its first publisher to its removal") {
  const TemporaryFolder folder;
  const auto place = folder.channel();
  std::optional<seqcast::BytePublisher> publisher{std::in_place, place,
                                                  seqcast::PublisherOptions{.capacity = 4, .timestamps = true}};
  const seqcast::Inspector inspector{place};
  seqcast::ChannelStatus status = inspector.status();
  CHECK_FALSE(status.error);
  CHECK(status.state == seqcast::ChannelState::live);
  CHECK(status.publisher_alive);
  CHECK(status.publisher_process == static_cast<std::uint64_t>(::getpid()));
  REQUIRE(status.epoch);
  CHECK(status.epoch->number == 1);
  CHECK(status.epoch->first_sequence == 1);
  CHECK(status.head == 0);
  CHECK(status.oldest == 1);
  CHECK_FALSE(status.published_at);
  CHECK(status.bell_found);
  CHECK(inspector.head() == 0);

  const auto before = std::chrono::steady_clock::now();
  for (int i = 0; i < 6; ++i) publisher->publish("message");
  status = inspector.status();
  CHECK(status.head == 6);
  CHECK(inspector.head() == 6);
  CHECK(status.oldest == 4); // of 4 slots one is open
  REQUIRE(status.published_at);
  CHECK(*status.published_at >= before);
  CHECK(*status.published_at <= std::chrono::steady_clock::now());

  publisher.reset();
  status = inspector.status();
  CHECK(status.state == seqcast::ChannelState::closed);
  CHECK_FALSE(status.publisher_alive);

  publisher.emplace(place);
  status = inspector.status();
  CHECK(status.state == seqcast::ChannelState::live);
  REQUIRE(status.epoch);
  CHECK(status.epoch->number == 2);
  CHECK(status.epoch->first_sequence == 7);

  publisher.reset();
  std::filesystem::remove(place.name() + ".bell");
  CHECK_FALSE(inspector.status().bell_found);
  seqcast::remove_channel(place);
  CHECK(inspector.status().state == seqcast::ChannelState::superseded);
  CHECK(inspector.status().head == 6);
}

TEST_CASE("a slot is unused, open, complete, and overwritten") {
  const TemporaryFolder folder;
  const auto place = folder.channel();
  seqcast::BytePublisher publisher{place, {.capacity = 4, .max_message_size = 40, .timestamps = true}};
  const seqcast::Inspector inspector{place};
  std::array<std::byte, 40> buffer{};

  seqcast::SlotContent slot = inspector.slot(0, buffer);
  CHECK(slot.state == seqcast::SlotState::open);
  CHECK(slot.version == 1);
  CHECK(slot.sequence == 1);
  CHECK(slot.stable);
  CHECK_FALSE(slot.whole);
  CHECK(inspector.slot(3).state == seqcast::SlotState::unused);
  CHECK(inspector.slot(3).version == 0);

  publisher.publish("first");
  slot = inspector.slot(0, buffer);
  CHECK(slot.state == seqcast::SlotState::complete);
  CHECK(slot.version == 2);
  CHECK(slot.sequence == 1);
  CHECK(slot.size == 5);
  CHECK(slot.whole);
  CHECK(text_of(slot) == "first");
  CHECK(slot.published_at);
  CHECK(slot.published_at == inspector.status().published_at);

  for (int i = 2; i <= 5; ++i) publisher.publish(std::to_string(i));
  CHECK(inspector.identity().slot_of(5) == 0);
  slot = inspector.slot(0, buffer);
  CHECK(slot.version == 10);
  CHECK(text_of(slot) == "5");
  CHECK(inspector.slot(1).state == seqcast::SlotState::open);
  CHECK(inspector.slot(1).sequence == 6);
}

TEST_CASE("a slot is copied as far as the buffer has room, and is whole all the same") {
  const TemporaryFolder folder;
  const auto place = folder.channel();
  seqcast::BytePublisher publisher{place, {.capacity = 2, .max_message_size = 300}};
  publisher.publish(std::string(300, 'x'));
  const seqcast::Inspector inspector{place};
  for (const std::size_t room : {0U, 1U, 7U, 8U, 9U, 299U, 300U, 301U}) {
    CAPTURE(room);
    std::vector<std::byte> buffer(room + 1, std::byte{'!'});
    const seqcast::SlotContent slot = inspector.slot(0, {buffer.data(), room});
    CHECK(slot.whole);
    CHECK(slot.size == 300);
    CHECK(text_of(slot) == std::string(std::min<std::size_t>(room, 300), 'x'));
    CHECK(buffer[room] == std::byte{'!'});
  }
}

TEST_CASE("a slot that the channel does not have is an error") {
  const TemporaryFolder folder;
  const seqcast::BytePublisher publisher{folder.channel(), {.capacity = 4}};
  const seqcast::Inspector inspector{folder.channel()};
  CHECK_NOTHROW(inspector.slot(3));
  CHECK_THROWS_AS(inspector.slot(4), std::out_of_range);
  CHECK_THROWS_AS(inspector.slot(~std::uint64_t{0}), std::out_of_range);
}

TEST_CASE("an impossible size or version is not reported as whole") {
  const TemporaryFolder folder;
  const auto place = folder.channel();
  seqcast::BytePublisher publisher{place, {.capacity = 4, .max_message_size = 40}};
  publisher.publish("message");
  const seqcast::Inspector inspector{place};
  std::array<std::byte, 64> buffer{};

  patch_file(place.name(), word_in(inspector.identity(), 0, detail::size_word), std::uint32_t{41});
  seqcast::SlotContent slot = inspector.slot(0, buffer);
  CHECK(slot.state == seqcast::SlotState::complete);
  CHECK(slot.size == 41);
  CHECK_FALSE(slot.whole);
  CHECK(slot.bytes.size() == 40);
  CHECK_FALSE(inspector.status().published_at);

  for (const std::uint64_t version : {std::uint64_t{4}, ~std::uint64_t{0}, std::uint64_t{1} << 63}) {
    CAPTURE(version);
    patch_file(place.name(), word_in(inspector.identity(), 0, detail::version_word), version);
    slot = inspector.slot(0, buffer);
    CHECK(slot.state == seqcast::SlotState::corrupt);
    CHECK(slot.version == version);
    CHECK(slot.sequence == 0);
    CHECK_FALSE(slot.whole);
  }
}

TEST_CASE("a damaged channel can be inspected, and is reported as damaged") {
  const TemporaryFolder folder;
  const auto place = folder.channel();
  seqcast::BytePublisher publisher{place, {.capacity = 4}};
  publisher.publish("message");
  const seqcast::Inspector inspector{place};
  for (const std::uint64_t head : {~std::uint64_t{0}, std::uint64_t{1} << 62, (std::uint64_t{1} << 62) - 4}) {
    CAPTURE(head);
    patch_file(place.name(), detail::head_offset, head);
    CHECK(inspector.status().error == seqcast::Errc::damaged);
    CHECK(inspector.status().state == seqcast::ChannelState::live);
    CHECK_NOTHROW(seqcast::Inspector{place});
    CHECK(inspector.head() < std::uint64_t{1} << 62);
  }
  patch_file(place.name(), detail::head_offset, std::uint64_t{1});
  patch_file(place.name(), detail::oldest_offset, std::uint64_t{3});
  CHECK(inspector.status().error == seqcast::Errc::damaged);
}

TEST_CASE("of a region from an earlier boot no message can be read, but the sequence is known") {
  if (test::no_disk()) return;
  const TemporaryFolder folder{test::disk_place()};
  const auto place = folder.channel();
  {
    seqcast::BytePublisher publisher{place, {.capacity = 4, .timestamps = true}};
    for (int i = 0; i < 9; ++i) publisher.publish("message");
  }
  test::reboot(place.name());
  const seqcast::ChannelStatus status = seqcast::Inspector{place}.status();
  CHECK_FALSE(status.error);
  CHECK(status.state == seqcast::ChannelState::no_publisher); // not closed: that was another boot's word
  CHECK(status.head == 9);
  CHECK(status.oldest == 10);
  CHECK_FALSE(status.published_at);
}

TEST_CASE("a file that is no channel is refused with the reason") {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& name) {
    return refusal<seqcast::Inspector>(folder.channel(name), seqcast::InspectorOptions{});
  };
  CHECK(refused("none").code == seqcast::Errc::no_channel);
  CHECK(refused("none").says({"cannot inspect", "none", "start a publisher"}));
  write_text(folder / "empty", "");
  CHECK(refused("empty").code == seqcast::Errc::no_channel);
  write_text(folder / "text", std::string(1000, 'x'));
  CHECK(refused("text").code == seqcast::Errc::not_a_channel);
  std::filesystem::create_directory(folder / "folder");
  CHECK(refused("folder").code == seqcast::Errc::not_a_regular_file);
  std::filesystem::create_symlink("text", folder / "link");
  CHECK(refused("link").code == seqcast::Errc::not_a_regular_file);
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  CHECK(refused("fifo").code == seqcast::Errc::not_a_regular_file);
  CHECK(refusal<seqcast::Inspector>(seqcast::shared_memory("a/b"), seqcast::InspectorOptions{}).code ==
        seqcast::Errc::invalid_location);

  { const seqcast::BytePublisher publisher{folder.channel()}; }
  patch_file(folder / "channel", offsetof(detail::Identity, version), std::uint32_t{2});
  CHECK(refused("channel").code == seqcast::Errc::wrong_version);
}

TEST_CASE("a truncated file is an error for an inspector with survive_truncation") {
  const TemporaryFolder folder;
  const auto place = folder.channel();
  seqcast::BytePublisher publisher{place, {.capacity = 16, .max_message_size = 8192, .timestamps = true}};
  publisher.publish("message");
  const seqcast::Inspector inspector{place, {.survive_truncation = true}};
  const seqcast::Inspector looks_at_once{place, {.survive_truncation = true}};
  CHECK(inspector.slot(0).whole);
  std::filesystem::resize_file(place.name(), 512);
  CHECK(inspector.status().error == seqcast::Errc::truncated);
  CHECK_FALSE(inspector.slot(0).whole);
  CHECK(inspector.head() == 0);
  CHECK_FALSE(looks_at_once.slot(8).stable);
  CHECK(looks_at_once.status().error == seqcast::Errc::truncated);
  std::filesystem::resize_file(place.name(), 512 + 16 * 8256); // for the publisher's destructor
}
