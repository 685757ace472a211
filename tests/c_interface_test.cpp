// SPDX-License-Identifier: BSL-1.0
//
// The C interface: every function, what each returns for every argument that is wrong, and that it gives what the
// C++ classes give. c_program.c is compiled as C; c_allocation_test has no memory.
#include <doctest/doctest.h>
#include "support/waiting.hpp"

#include <seqcast/seqcast.h>

#include <cstddef>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

using namespace test;

namespace {

// What programs have compiled into themselves: it never changes. (tests/abi/run compares the functions.)
static_assert(SEQCAST_OK == 0 && SEQCAST_NO_CHANNEL == 1 && SEQCAST_INVALID_LOCATION == 2);
static_assert(SEQCAST_INVALID_OPTIONS == 3 && SEQCAST_NOT_A_REGULAR_FILE == 4 && SEQCAST_NOT_A_CHANNEL == 5);
static_assert(SEQCAST_WRONG_BYTE_ORDER == 6 && SEQCAST_WRONG_VERSION == 7 && SEQCAST_WRONG_GEOMETRY == 8);
static_assert(SEQCAST_UNKNOWN_FEATURE == 9 && SEQCAST_WRONG_IDENTITY == 10 && SEQCAST_DAMAGED == 11);
static_assert(SEQCAST_PUBLISHER_ALIVE == 12 && SEQCAST_LOCK_OBSTRUCTED == 13 && SEQCAST_OTHER_OWNER == 14);
static_assert(SEQCAST_BUILD_MISMATCH == 15 && SEQCAST_OVERRUN == 16 && SEQCAST_CORRUPT == 17);
static_assert(SEQCAST_WRONG_SIZE == 18 && SEQCAST_BUFFER_TOO_SMALL == 19 && SEQCAST_TRUNCATED == 20);
static_assert(SEQCAST_NOT_RELIABLE == 21 && SEQCAST_NO_ENTRY == 22 && SEQCAST_DEMOTED == 23);
static_assert(SEQCAST_WOULD_WAIT == 107);
static_assert(SEQCAST_NOTHING_NEW == 101 && SEQCAST_TIMEOUT == 102 && SEQCAST_CLOSED == 103);
static_assert(SEQCAST_NO_PUBLISHER == 104 && SEQCAST_SUPERSEDED == 105 && SEQCAST_STOPPED == 106);
static_assert(SEQCAST_INVALID_ARGUMENT == 201 && SEQCAST_TOO_LONG == 202 && SEQCAST_STALE_LOAN == 203);
static_assert(SEQCAST_UNEXPECTED == 204 && SEQCAST_NOT_OF_SCHEMA == 205 && SEQCAST_NO_GAPS == 206);
static_assert(SEQCAST_FILE == 1 && SEQCAST_SHARED_MEMORY == 2);
static_assert(SEQCAST_UNSET == 0 && SEQCAST_ON == 1 && SEQCAST_OFF == 2);
static_assert(SEQCAST_WAKEUP_UNSET == 0 && SEQCAST_WAKEUP_BELL == 1 && SEQCAST_WAKEUP_EVERY_MESSAGE == 2);
static_assert(SEQCAST_WAKEUP_POLLING == 3);
static_assert(SEQCAST_START_NEWEST == 0 && SEQCAST_START_OLDEST == 1);
static_assert(SEQCAST_RESUME_HALF == 0 && SEQCAST_RESUME_NEWEST == 1 && SEQCAST_RESUME_OLDEST == 2);
static_assert(SEQCAST_SPIN_THEN_SLEEP == 0 && SEQCAST_SLEEP == 1 && SEQCAST_YIELD == 2 && SEQCAST_SPIN == 3);
static_assert(SEQCAST_STATE_LIVE == 0 && SEQCAST_STATE_NO_PUBLISHER == 1 && SEQCAST_STATE_CLOSED == 2);
static_assert(SEQCAST_STATE_SUPERSEDED == 3);
static_assert(SEQCAST_ZERO_TERMINATED == ~std::size_t{0} && SEQCAST_FOREVER == -1);

/// A struct of the interface with its size, and the rest zero.
template <class Struct>
Struct sized() {
  Struct made{};
  made.struct_size = sizeof made;
  return made;
}

seqcast_string text(const std::string& from) {
  return {from.data(), from.size()};
}

/// A buffer for explanations.
struct Explanation : seqcast_error {
  Explanation() : seqcast_error{} {
    struct_size = sizeof(seqcast_error);
    text = buffer.data();
    text_capacity = buffer.size();
  }
  Explanation(const Explanation&) = delete;
  Explanation& operator=(const Explanation&) = delete;
  std::string_view what() const {
    return {text, text_size};
  }
  std::array<char, 4096> buffer{};
};

/// Text is not what doctest prints of a view.
bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

template <class Handle, void (*close)(Handle*)>
struct Closer {
  void operator()(Handle* handle) const {
    close(handle);
  }
};
template <class Handle, void (*close)(Handle*)>
using Owned = std::unique_ptr<Handle, Closer<Handle, close>>;
using Publisher = Owned<seqcast_publisher, seqcast_publisher_close>;
using Subscriber = Owned<seqcast_subscriber, seqcast_subscriber_close>;
using Stop = Owned<seqcast_stop_source, seqcast_stop_source_destroy>;
using Poll = Owned<seqcast_poll_descriptor, seqcast_poll_descriptor_close>;
using Inspector = Owned<seqcast_inspector, seqcast_inspector_close>;
using List = Owned<seqcast_list, seqcast_list_destroy>;

/// A channel in a folder of its own.
struct Place {
  TemporaryFolder folder;
  std::string path = folder / "channel";
  seqcast_location where{SEQCAST_FILE, 0, text(path)};

  Publisher publisher(const seqcast_publisher_options* options = nullptr) const {
    seqcast_publisher* handle = nullptr;
    REQUIRE(seqcast_publisher_open(SEQCAST_VERSION, &where, options, &handle, nullptr) == SEQCAST_OK);
    return Publisher{handle};
  }
  Publisher publisher(std::uint64_t capacity, std::uint32_t max_message_size) const {
    auto options = sized<seqcast_publisher_options>();
    options.capacity = capacity;
    options.max_message_size = max_message_size;
    return publisher(&options);
  }
  Subscriber subscriber(const seqcast_subscriber_options* options = nullptr) const {
    seqcast_subscriber* handle = nullptr;
    REQUIRE(seqcast_subscriber_open(SEQCAST_VERSION, &where, options, &handle, nullptr) == SEQCAST_OK);
    return Subscriber{handle};
  }
  Inspector inspector() const {
    seqcast_inspector* handle = nullptr;
    REQUIRE(seqcast_inspector_open(SEQCAST_VERSION, &where, nullptr, &handle, nullptr) == SEQCAST_OK);
    return Inspector{handle};
  }
};

struct Channel : Place {
  Publisher p = Place::publisher(4, 100);
  Subscriber s = Place::subscriber();

  std::uint64_t publish(std::string_view message) const {
    std::uint64_t sequence = 0;
    REQUIRE(seqcast_publish(p.get(), message.data(), message.size(), &sequence) == SEQCAST_OK);
    return sequence;
  }
};

std::string_view content(const seqcast_message& message) {
  return {static_cast<const char*>(message.data), message.size};
}

Stop stop_source() {
  seqcast_stop_source* stop = nullptr;
  REQUIRE(seqcast_stop_source_create(&stop) == SEQCAST_OK);
  return Stop{stop};
}

/// A file descriptor, or the HANDLE of an event.
template <class Handle>
Handle handle_of(std::intptr_t native) {
  if constexpr (std::is_pointer_v<Handle>) {
    return std::bit_cast<Handle>(native);
  } else {
    return static_cast<Handle>(native);
  }
}

constexpr std::int64_t a_minute = 60'000'000'000;

std::string read_source(const std::string& path) {
  std::ifstream file{std::string{SEQCAST_SOURCE_DIR} + path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

} // namespace

TEST_CASE("every Errc has its code in the C interface") {
  const std::string errors = read_source("/lib/include/seqcast/error.hpp");
  const std::string header = read_source("/lib/include/seqcast/seqcast.h");
  const std::size_t begin = errors.find("enum class Errc {");
  const std::string enumerators = errors.substr(begin, errors.find("};", begin) - begin);
  const std::regex name{R"(\n  ([a-z_]+)( = 1)?,)"};
  std::size_t found = 0;
  for (std::sregex_iterator each{enumerators.begin(), enumerators.end(), name}; each != std::sregex_iterator{};
       ++each) {
    std::string constant = "SEQCAST_";
    for (const char letter : (*each)[1].str())
      constant += letter == '_' ? '_' : static_cast<char>(letter - 'a' + 'A');
    const std::string line = "\n  " + constant + " = " + std::to_string(++found) + ",";
    CAPTURE(line);
    CHECK(contains(header, line));
  }
  CHECK(found >= 20);
}

TEST_CASE("the header's version is compared with the library's at opening") {
  CHECK(seqcast_version() == SEQCAST_VERSION);
  const Place place;
  auto p = place.publisher();
  for (const std::uint32_t other : {SEQCAST_VERSION + 1000u, SEQCAST_VERSION + 1'000'000u, 0u}) {
    CAPTURE(other);
    Explanation why;
    auto* publisher = p.get();
    CHECK(seqcast_publisher_open(other, &place.where, nullptr, &publisher, &why) == SEQCAST_BUILD_MISMATCH);
    CHECK(publisher == nullptr);
    CHECK(contains(why.what(), "seqcast.h of version"));
    seqcast_subscriber* subscriber = nullptr;
    CHECK(seqcast_subscriber_open(other, &place.where, nullptr, &subscriber, &why) == SEQCAST_BUILD_MISMATCH);
    seqcast_inspector* inspector = nullptr;
    CHECK(seqcast_inspector_open(other, &place.where, nullptr, &inspector, &why) == SEQCAST_BUILD_MISMATCH);
  }
  seqcast_subscriber* subscriber = nullptr; // another patch changes nothing
  CHECK(seqcast_subscriber_open(SEQCAST_VERSION + 1, &place.where, nullptr, &subscriber, nullptr) == 0);
  seqcast_subscriber_close(subscriber);
}

TEST_CASE("a null pointer is refused by every function that takes one") {
  const Channel channel;
  auto* const p = channel.p.get();
  auto* const s = channel.s.get();
  const auto* const where = &channel.where;
  auto message = sized<seqcast_message>();
  std::uint64_t number = 7;
  std::size_t size = 7;
  void* room = nullptr;
  char byte = 0;
  const seqcast_piece null_piece{nullptr, 1};
  seqcast_subscriber* const null_subscriber = nullptr;
  seqcast_location found{};
  Explanation why;
  const auto refused = [](int code) { CHECK(code == SEQCAST_INVALID_ARGUMENT); };

  refused(seqcast_explain(0, nullptr));
  refused(seqcast_publisher_open(SEQCAST_VERSION, where, nullptr, nullptr, &why));
  CHECK(contains(why.what(), "null"));
  seqcast_publisher* publisher = p;
  refused(seqcast_publisher_open(SEQCAST_VERSION, nullptr, nullptr, &publisher, nullptr));
  CHECK(publisher == nullptr);
  refused(seqcast_publish(nullptr, &byte, 1, &number));
  refused(seqcast_publish(p, nullptr, 1, &number));
  refused(seqcast_try_publish(nullptr, &byte, 1, &number));
  refused(seqcast_skip(nullptr, 1, &number));
  refused(seqcast_try_publish(p, nullptr, 1, &number));
  refused(seqcast_publish_pieces(nullptr, &null_piece, 0, &number));
  refused(seqcast_publish_pieces(p, nullptr, 1, &number));
  refused(seqcast_publish_pieces(p, &null_piece, 1, &number));
  refused(seqcast_publish_batch(nullptr, &byte, 1, 1, &number));
  refused(seqcast_publish_batch(p, nullptr, 1, 1, &number));
  refused(seqcast_loan(nullptr, &room, &size));
  refused(seqcast_loan(p, nullptr, &size));
  refused(seqcast_commit(nullptr, 0, &number));
  auto publisher_info = sized<seqcast_publisher_info>();
  refused(seqcast_publisher_get_info(nullptr, &publisher_info));
  refused(seqcast_publisher_get_info(p, nullptr));
  refused(seqcast_publisher_explain(nullptr, 0, &why));
  refused(seqcast_publisher_explain(p, 0, nullptr));

  seqcast_subscriber* subscriber = s;
  refused(seqcast_subscriber_open(SEQCAST_VERSION, nullptr, nullptr, &subscriber, nullptr));
  CHECK(subscriber == nullptr);
  refused(seqcast_subscriber_open(SEQCAST_VERSION, where, nullptr, nullptr, nullptr));
  refused(seqcast_next(nullptr, &message));
  refused(seqcast_next(s, nullptr));
  refused(seqcast_next_into(nullptr, &byte, 1, &message));
  refused(seqcast_next_into(s, nullptr, 1, &message));
  refused(seqcast_next_into(s, &byte, 1, nullptr));
  auto batch = sized<seqcast_batch>();
  refused(seqcast_next_batch(nullptr, &byte, 1, 1, &batch));
  refused(seqcast_next_batch(s, nullptr, 1, 1, &batch));
  refused(seqcast_next_batch(s, &byte, 1, 1, nullptr));
  refused(seqcast_latest(nullptr, &message));
  refused(seqcast_latest(s, nullptr));
  refused(seqcast_latest_into(nullptr, &byte, 1, &message));
  refused(seqcast_latest_into(s, nullptr, 1, &message));
  refused(seqcast_latest_into(s, &byte, 1, nullptr));
  refused(seqcast_next_for(nullptr, 0, nullptr, &message));
  refused(seqcast_next_for(s, 0, nullptr, nullptr));
  refused(seqcast_next_for_into(nullptr, &byte, 1, 0, nullptr, &message));
  refused(seqcast_next_for_into(s, nullptr, 1, 0, nullptr, &message));
  refused(seqcast_next_for_into(s, &byte, 1, 0, nullptr, nullptr));
  refused(seqcast_view(nullptr, &message));
  refused(seqcast_view(s, nullptr));
  refused(seqcast_latest_view(nullptr, &message));
  refused(seqcast_latest_view(s, nullptr));
  refused(seqcast_validate(nullptr, &message));
  refused(seqcast_validate(s, nullptr));
  refused(seqcast_seek(nullptr, 1, &number));
  refused(seqcast_reopen(nullptr, nullptr));
  refused(seqcast_register_reliable(nullptr, nullptr));
  refused(seqcast_lag(nullptr, &number));
  refused(seqcast_lag(s, nullptr));
  auto subscriber_info = sized<seqcast_subscriber_info>();
  refused(seqcast_subscriber_get_info(nullptr, &subscriber_info));
  refused(seqcast_subscriber_get_info(s, nullptr));
  refused(seqcast_wait(nullptr, 0, nullptr));
  refused(seqcast_wait_any(nullptr, 1, 0, nullptr, &size));
  refused(seqcast_wait_any(&null_subscriber, 1, 0, nullptr, &size));
  refused(seqcast_stop_source_create(nullptr));
  refused(seqcast_stop_source_request(nullptr));
  refused(seqcast_poll_descriptor_open(nullptr, nullptr));
  std::intptr_t native = 0;
  refused(seqcast_poll_descriptor_get(nullptr, &native));
  refused(seqcast_poll_descriptor_arm(nullptr, &s, 1, nullptr));
  seqcast_poll_descriptor* poll = nullptr;
  REQUIRE(seqcast_poll_descriptor_open(&poll, nullptr) == SEQCAST_OK);
  refused(seqcast_poll_descriptor_get(poll, nullptr));
  refused(seqcast_poll_descriptor_arm(poll, nullptr, 1, nullptr));
  refused(seqcast_poll_descriptor_arm(poll, &null_subscriber, 1, nullptr));
  seqcast_poll_descriptor_close(poll);
  seqcast_inspector* inspector = nullptr;
  refused(seqcast_inspector_open(SEQCAST_VERSION, nullptr, nullptr, &inspector, nullptr));
  refused(seqcast_inspector_open(SEQCAST_VERSION, where, nullptr, nullptr, nullptr));
  const auto inspected = channel.inspector();
  auto identity = sized<seqcast_identity>();
  auto status = sized<seqcast_status>();
  refused(seqcast_inspector_get_identity(nullptr, &identity));
  refused(seqcast_inspector_get_identity(inspected.get(), nullptr));
  refused(seqcast_inspector_get_status(nullptr, &status));
  refused(seqcast_inspector_get_status(inspected.get(), nullptr));
  seqcast_list* list = nullptr;
  const seqcast_string folder = text(channel.folder.path());
  refused(seqcast_list_shared_memory(nullptr, nullptr));
  refused(seqcast_list_folder(nullptr, &list, nullptr));
  refused(seqcast_list_folder(&folder, nullptr, nullptr));
  refused(seqcast_list_count(nullptr, &size));
  refused(seqcast_list_at(nullptr, 0, &found));
  REQUIRE(seqcast_list_folder(&folder, &list, nullptr) == SEQCAST_OK);
  refused(seqcast_list_count(list, nullptr));
  refused(seqcast_list_at(list, 0, nullptr));
  seqcast_list_destroy(list);
  refused(seqcast_remove(nullptr, nullptr, nullptr));

  CHECK(number == 7);
  CHECK(size == 7);
  CHECK(channel.publish("") == 1); // nothing was published
}

TEST_CASE("closing and destroying accept null") {
  seqcast_publisher_close(nullptr);
  seqcast_subscriber_close(nullptr);
  seqcast_stop_source_destroy(nullptr);
  seqcast_poll_descriptor_close(nullptr);
  seqcast_inspector_close(nullptr);
  seqcast_list_destroy(nullptr);
}

TEST_CASE("a failed opening gives the code and the explanation that C++ gives") {
  const TemporaryFolder folder;
  std::ofstream{folder / "notes"} << "not a channel, but a text that is longer than a header's first words";
  const std::string names[]{folder / "nothing", folder / "notes", folder / "nowhere/channel", folder.path()};
  for (const std::string& name : names) {
    CAPTURE(name);
    const seqcast_location where{SEQCAST_FILE, 0, text(name)};
    seqcast::Error error;
    Explanation why;
    const auto agree = [&](int code) {
      const bool own = error.code().category() == seqcast::error_category(); // Windows has numbers of its own
      const int expected = own ? error.code().value() : -error.code().default_error_condition().value();
      CHECK(code == expected);
      CHECK(why.what() == error.message());
      CHECK(why.text[why.text_size] == '\0');
    };
    CHECK_FALSE(seqcast::ByteSubscriber::open(seqcast::file(name), {}, error));
    seqcast_subscriber* subscriber = nullptr;
    agree(seqcast_subscriber_open(SEQCAST_VERSION, &where, nullptr, &subscriber, &why));
    CHECK(subscriber == nullptr);
    CHECK_FALSE(seqcast::Inspector::open(seqcast::file(name), {}, error));
    seqcast_inspector* inspector = nullptr;
    agree(seqcast_inspector_open(SEQCAST_VERSION, &where, nullptr, &inspector, &why));
    if (name == names[0]) continue; // there a publisher would make one
    CHECK_FALSE(seqcast::BytePublisher::open(seqcast::file(name), {}, error));
    seqcast_publisher* publisher = nullptr;
    agree(seqcast_publisher_open(SEQCAST_VERSION, &where, nullptr, &publisher, &why));
    CHECK(publisher == nullptr);
  }
}

TEST_CASE("a second publisher is refused, and so is a location that is none") {
  const Channel channel;
  Explanation why;
  seqcast_publisher* publisher = nullptr;
  const auto open = [&](const seqcast_location& where) {
    return seqcast_publisher_open(SEQCAST_VERSION, &where, nullptr, &publisher, &why);
  };
  CHECK(open(channel.where) == SEQCAST_PUBLISHER_ALIVE);
  CHECK(open({0, 0, channel.where.name}) == SEQCAST_INVALID_ARGUMENT);
  CHECK(open({3, 0, channel.where.name}) == SEQCAST_INVALID_ARGUMENT);
  CHECK(open({SEQCAST_FILE, 1, channel.where.name}) == SEQCAST_INVALID_ARGUMENT);
  CHECK(open({SEQCAST_FILE, 0, {nullptr, 1}}) == SEQCAST_INVALID_ARGUMENT);
  CHECK(open({SEQCAST_FILE, 0, {nullptr, SEQCAST_ZERO_TERMINATED}}) == SEQCAST_INVALID_ARGUMENT);
  CHECK(open({SEQCAST_FILE, 0, {nullptr, 0}}) == SEQCAST_INVALID_LOCATION);
  CHECK(open({SEQCAST_SHARED_MEMORY, 0, text("a/b")}) == SEQCAST_INVALID_LOCATION);
  CHECK(contains(why.what(), "a/b"));
  CHECK(open({SEQCAST_FILE, 0, {"zero\0inside", 11}}) == SEQCAST_INVALID_LOCATION);
  CHECK(open({SEQCAST_FILE, 0, {channel.path.c_str(), SEQCAST_ZERO_TERMINATED}}) == SEQCAST_PUBLISHER_ALIVE);
}

TEST_CASE("an explanation is cut where the buffer ends, and not inside a character") {
  const std::string name = "\u00e4\u00f6\u00fc/x"; // no slash in an object's name
  const seqcast_location where{SEQCAST_SHARED_MEMORY, 0, text(name)};
  seqcast_subscriber* subscriber = nullptr;
  Explanation whole;
  REQUIRE(seqcast_subscriber_open(SEQCAST_VERSION, &where, nullptr, &subscriber, &whole) ==
          SEQCAST_INVALID_LOCATION);
  REQUIRE(contains(whole.what(), name));
  for (std::size_t capacity = 0; capacity <= whole.text_size + 2; ++capacity) {
    CAPTURE(capacity);
    std::string buffer(capacity + 1, '#');
    seqcast_error why{sizeof why, buffer.data(), capacity, 0};
    seqcast_subscriber_open(SEQCAST_VERSION, &where, nullptr, &subscriber, &why);
    CHECK(why.text_size == whole.text_size);
    CHECK(buffer[capacity] == '#');
    if (capacity == 0) continue;
    const std::string_view cut{buffer.c_str()};
    CHECK(whole.what().starts_with(cut));
    const bool inside =
        (static_cast<unsigned char>(cut.size() < whole.text_size ? whole.what()[cut.size()] : 0) & 0xC0) ==
        0x80;
    CHECK_FALSE(inside);
    CHECK(cut.size() + 2 >= std::min(capacity, whole.text_size));
  }
  seqcast_error none{sizeof none, nullptr, 100, 0};
  CHECK(seqcast_subscriber_open(SEQCAST_VERSION, &where, nullptr, &subscriber, &none) == 2);
  CHECK(none.text_size == whole.text_size);
}

TEST_CASE("an error struct of a size that it never had is refused, and a larger one is accepted") {
  const Place place;
  seqcast_subscriber* subscriber = nullptr;
  for (const std::size_t size : {std::size_t{0}, sizeof(seqcast_error) - 8, sizeof(seqcast_error) + 1}) {
    seqcast_error why{size, nullptr, 0, 77};
    CHECK(seqcast_subscriber_open(SEQCAST_VERSION, &place.where, nullptr, &subscriber, &why) == 201);
    CHECK(why.text_size == 77);
    CHECK(seqcast_explain(SEQCAST_OVERRUN, &why) == SEQCAST_INVALID_ARGUMENT);
  }
  seqcast_error newer{sizeof newer + 64, nullptr, 0, 0};
  CHECK(seqcast_subscriber_open(SEQCAST_VERSION, &place.where, nullptr, &subscriber, &newer) == 1);
  CHECK(newer.text_size > 0);
}

TEST_CASE("every code has a text, and the text of a success is empty") {
  const Channel channel;
  std::set<std::string> texts;
  for (const int code :
       {1,  2,  3,  4, 5,   6,   7,   8,   9,   10,  11,  12,  13,  14,  15,  16,  17,  18, 19,     20,
        21, 22, 23, 0, 101, 102, 103, 104, 105, 106, 107, 201, 202, 203, 204, 205, 206, 77, -ENOENT}) {
    Explanation why;
    CHECK(seqcast_explain(code, &why) == SEQCAST_OK);
    texts.emplace(why.what());
    Explanation same;
    CHECK(seqcast_publisher_explain(channel.p.get(), code, &same) == SEQCAST_OK);
    CHECK((same.what() == why.what()) == (code != SEQCAST_STALE_LOAN));
  }
  CHECK(texts.size() == 39);
  Explanation why;
  seqcast_explain(1, &why);
  CHECK(seqcast_reopen(channel.s.get(), &why) == SEQCAST_NOTHING_NEW);
  CHECK(why.what().empty());
}

TEST_CASE("a schema with fields sets the size, and is told with the name and the tag") {
  const Place place;
  auto options = sized<seqcast_publisher_options>();
  options.schema = {"acme.Quote{bid:f64,ask:f64}", SEQCAST_ZERO_TERMINATED};
  const auto p = place.publisher(&options);
  const auto inspector = place.inspector();
  auto found = sized<seqcast_identity>();
  REQUIRE(seqcast_inspector_get_identity(inspector.get(), &found) == SEQCAST_OK);
  CHECK(found.max_message_size == 16);
  CHECK(found.message_alignment == 8);
  CHECK(found.schema_tag != 0);
  CHECK(found.id != 0);
  CHECK(found.mirror == 0);
  CHECK(std::string_view{found.schema_name.data, found.schema_name.size} == "acme.Quote");
  const std::string_view format{found.schema_format.data, found.schema_format.size};
  CHECK(format.find("bid") != std::string_view::npos);
  CHECK(found.schema_format.data[found.schema_format.size] == '\0');
}

TEST_CASE("each option of a publisher reaches the channel") {
  const Place place;
  auto options = sized<seqcast_publisher_options>();
  options.capacity = 16;
  options.max_message_size = 200;
  options.message_alignment = 64;
  options.schema = {"acme.Quote", SEQCAST_ZERO_TERMINATED};
  options.timestamps = SEQCAST_ON;
  options.copy_behind = SEQCAST_ON;
  options.gaps = SEQCAST_ON;
  options.wakeup = SEQCAST_WAKEUP_EVERY_MESSAGE;
  options.remove_on_close = 1;
  {
    const auto p = place.publisher(&options);
    const auto inspector = place.inspector();
    auto found = sized<seqcast_identity>();
    REQUIRE(seqcast_inspector_get_identity(inspector.get(), &found) == SEQCAST_OK);
    CHECK(found.capacity == 16);
    CHECK(found.max_message_size == 200);
    CHECK(found.message_alignment == 64);
    CHECK(found.timestamps == 1);
    CHECK(found.copy_behind == 1);
    CHECK(found.gaps == 1);
    CHECK(found.wakeup == SEQCAST_WAKEUP_EVERY_MESSAGE);
    CHECK(std::string_view{found.schema_name.data, found.schema_name.size} == "acme.Quote");
    CHECK(found.schema_name.data[found.schema_name.size] == '\0');
    CHECK(found.schema_tag != 0);
    CHECK(found.format_version == 1);
    CHECK(found.unknown_flags == 0);
    CHECK(found.slot_stride % 64 == 0);
    CHECK(found.region_size == found.slots_offset + 16 * found.slot_stride);
    CHECK(found.payload_offset == 64);
    const seqcast::Inspector same{seqcast::file(place.path)};
    const auto created = same.identity().created_at;
    CHECK(found.created_at_ns == (created ? std::chrono::nanoseconds{created->time_since_epoch()}.count() : 0));
  }
  CHECK_FALSE(std::filesystem::exists(place.path)); // remove_on_close

  // What is set has to agree with what is there; what is unset is taken from it.
  { const auto p = place.publisher(8, 50); }
  const auto again = place.publisher();
  auto info = sized<seqcast_publisher_info>();
  REQUIRE(seqcast_publisher_get_info(again.get(), &info) == SEQCAST_OK);
  CHECK(info.capacity == 8);
  CHECK(info.max_message_size == 50);
  CHECK(info.epoch == 2);
}

TEST_CASE("a channel of another identity is refused, unless it is to be replaced") {
  const Place place;
  { const auto p = place.publisher(8, 50); }
  auto options = sized<seqcast_publisher_options>();
  Explanation why;
  seqcast_publisher* publisher = nullptr;
  const auto refused = [&] {
    CHECK(seqcast_publisher_open(SEQCAST_VERSION, &place.where, &options, &publisher, &why) ==
          SEQCAST_WRONG_IDENTITY);
    options = sized<seqcast_publisher_options>();
  };
  options.capacity = 16;
  refused();
  options.max_message_size = 51;
  refused();
  options.message_alignment = 8;
  refused();
  options.timestamps = SEQCAST_ON;
  refused();
  options.copy_behind = SEQCAST_ON;
  refused();
  options.wakeup = SEQCAST_WAKEUP_POLLING;
  refused();
  options.schema = {"acme.Quote", 10};
  refused();
  CHECK(contains(why.what(), "acme.Quote"));
  options.timestamps = SEQCAST_OFF;
  options.wakeup = SEQCAST_WAKEUP_BELL;
  { const auto p = place.publisher(&options); }
  options.capacity = 16;
  options.replace = 1;
  const auto p = place.publisher(&options);
  auto info = sized<seqcast_publisher_info>();
  REQUIRE(seqcast_publisher_get_info(p.get(), &info) == SEQCAST_OK);
  CHECK(info.capacity == 16);
}

#if !defined(_WIN32)
TEST_CASE("the modes are those of the channel and of the bell") {
  const Place place;
  auto options = sized<seqcast_publisher_options>();
  options.mode = 0640;
  options.bell_mode = 0660;
  const auto p = place.publisher(&options);
  using std::filesystem::perms;
  CHECK(std::filesystem::status(place.path).permissions() == perms{0640});
  CHECK(std::filesystem::status(place.path + ".bell").permissions() == perms{0660});
  const Place other;
  const auto q = other.publisher();
  CHECK(std::filesystem::status(other.path).permissions() == perms{0600});
}
#endif

TEST_CASE("numbers that do not exist are refused, with what is wrong") {
  const Place place;
  Explanation why;
  const auto publisher_refused = [&](auto set, std::string_view what) {
    auto options = sized<seqcast_publisher_options>();
    set(options);
    seqcast_publisher* handle = nullptr;
    CHECK(seqcast_publisher_open(SEQCAST_VERSION, &place.where, &options, &handle, &why) ==
          SEQCAST_INVALID_ARGUMENT);
    CHECK(contains(why.what(), what));
  };
  using P = seqcast_publisher_options;
  publisher_refused([](P& o) { o.timestamps = 3; }, "seqcast_switch");
  publisher_refused([](P& o) { o.copy_behind = 3; }, "seqcast_switch");
  publisher_refused([](P& o) { o.gaps = 3; }, "seqcast_switch");
  publisher_refused([](P& o) { o.reserved_2 = 1; }, "reserved");
  publisher_refused([](P& o) { o.wakeup = 4; }, "wakeup");
  publisher_refused([](P& o) { o.lock_memory = 2; }, "a switch");
  publisher_refused([](P& o) { o.replace = 2; }, "a switch");
  publisher_refused([](P& o) { o.remove_on_close = 2; }, "a switch");
  publisher_refused([](P& o) { o.allow_other_owner = 2; }, "a switch");
  publisher_refused([](P& o) { o.reserved = 1; }, "reserved");
  publisher_refused([](P& o) { o.schema = {nullptr, 3}; }, "null");
  CHECK(place.folder.entries() == 0);
  auto options = sized<P>();
  options.capacity = 3;
  seqcast_publisher* handle = nullptr;
  CHECK(seqcast_publisher_open(SEQCAST_VERSION, &place.where, &options, &handle, &why) ==
        SEQCAST_INVALID_OPTIONS);
  CHECK(contains(why.what(), "capacity is 3"));

  const auto p = place.publisher();
  const auto subscriber_refused = [&](auto set, std::string_view what) {
    auto wrong = sized<seqcast_subscriber_options>();
    set(wrong);
    seqcast_subscriber* subscriber = nullptr;
    CHECK(seqcast_subscriber_open(SEQCAST_VERSION, &place.where, &wrong, &subscriber, &why) ==
          SEQCAST_INVALID_ARGUMENT);
    CHECK(contains(why.what(), what));
  };
  using S = seqcast_subscriber_options;
  subscriber_refused([](S& o) { o.start = 2; }, "start");
  subscriber_refused([](S& o) { o.resume = 3; }, "resume");
  subscriber_refused([](S& o) { o.strategy = 4; }, "strategy");
  subscriber_refused([](S& o) { o.follow = 2; }, "a switch");
  subscriber_refused([](S& o) { o.lock_memory = 2; }, "a switch");
  subscriber_refused([](S& o) { o.survive_truncation = 2; }, "a switch");
  subscriber_refused([](S& o) { o.reliable = 2; }, "a switch");
  subscriber_refused([](S& o) { o.reserved = 1; }, "reserved");
  auto inspector_options = sized<seqcast_inspector_options>();
  inspector_options.reserved = 1;
  seqcast_inspector* inspector = nullptr;
  CHECK(seqcast_inspector_open(SEQCAST_VERSION, &place.where, &inspector_options, &inspector, &why) == 201);
  auto remove_options = sized<seqcast_remove_options>();
  remove_options.even_if_alive = 2;
  CHECK(seqcast_remove(&place.where, &remove_options, &why) == 201);
}

TEST_CASE("options of an older program are shorter, and those of a newer one may be longer by zeros") {
  const Place place;
  struct Newer : seqcast_publisher_options {
    std::uint64_t added[2];
  };
  Newer options{sized<seqcast_publisher_options>(), {}};
  options.max_message_size = 77;
  options.capacity = 4;
  options.struct_size = sizeof options;
  { const auto p = place.publisher(&options); } // a longer one

  // Only capacity is there: what lies behind it is not read.
  options.struct_size = offsetof(seqcast_publisher_options, max_message_size);
  options.max_message_size = 78;
  options.timestamps = 99;
  { const auto p = place.publisher(&options); }

  options = {sized<seqcast_publisher_options>(), {}};
  options.struct_size = sizeof options;
  options.added[1] = std::uint64_t{1} << 56;
  Explanation why;
  seqcast_publisher* handle = nullptr;
  CHECK(seqcast_publisher_open(SEQCAST_VERSION, &place.where, &options, &handle, &why) ==
        SEQCAST_INVALID_ARGUMENT);
  CHECK(contains(why.what(), "newer"));
  for (const std::size_t size : {std::size_t{0}, std::size_t{4}, std::size_t{7}, sizeof options - 1}) {
    options = {sized<seqcast_publisher_options>(), {}};
    options.struct_size = size;
    CHECK(seqcast_publisher_open(SEQCAST_VERSION, &place.where, &options, &handle, &why) == 201);
    CHECK(contains(why.what(), "struct_size"));
  }
}

TEST_CASE("of a struct to be filled as much is filled as it has room for") {
  const Channel channel;
  channel.publish("one");
  seqcast_publisher_info info{};
  std::memset(&info, 0xEE, sizeof info);
  info.struct_size = offsetof(seqcast_publisher_info, epoch);
  CHECK(seqcast_publisher_get_info(channel.p.get(), &info) == SEQCAST_OK);
  CHECK(info.struct_size == offsetof(seqcast_publisher_info, epoch));
  CHECK(info.head == 1);
  CHECK(info.epoch == 0xEEEE'EEEE'EEEE'EEEE);
  struct Newer : seqcast_publisher_info {
    std::uint64_t added;
  } newer{{}, 7};
  newer.struct_size = sizeof newer;
  CHECK(seqcast_publisher_get_info(channel.p.get(), &newer) == SEQCAST_OK);
  CHECK(newer.struct_size == sizeof newer);
  CHECK(newer.epoch == 1);
  CHECK(newer.added == 7);
  info.struct_size = 12;
  CHECK(seqcast_publisher_get_info(channel.p.get(), &info) == SEQCAST_INVALID_ARGUMENT);

  struct NewerMessage : seqcast_message {
    std::uint64_t added;
  } message{{}, 7};
  message.struct_size = sizeof message;
  CHECK(seqcast_next(channel.s.get(), &message) == SEQCAST_OK);
  CHECK(content(message) == "one");
  CHECK(message.added == 7);
  message.struct_size = sizeof(seqcast_message) - 8;
  CHECK(seqcast_next(channel.s.get(), &message) == SEQCAST_INVALID_ARGUMENT);
  message.struct_size = 0;
  CHECK(seqcast_latest(channel.s.get(), &message) == SEQCAST_INVALID_ARGUMENT);
  CHECK(seqcast_view(channel.s.get(), &message) == SEQCAST_INVALID_ARGUMENT);
  CHECK(seqcast_validate(channel.s.get(), &message) == SEQCAST_INVALID_ARGUMENT);
}

TEST_CASE("messages of every size arrive whole, however they are published and read") {
  const Place place;
  constexpr std::uint32_t most = 4097;
  const auto p = place.publisher(64, most);
  std::vector<std::size_t> sizes{0, 1, 48, most};
  for (std::size_t power = 2; power < most; power *= 2)
    for (const std::size_t size : {power - 1, power, power + 1}) sizes.push_back(size);
  std::string bytes(most, '\0');
  std::uint32_t state = 1;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  std::string buffer(most, '\0');
  std::uint64_t expected = 0;
  const auto s = place.subscriber();
  const auto viewer = place.subscriber();
  auto message = sized<seqcast_message>();
  for (const std::size_t size : sizes) {
    for (int way = 0; way < 3; ++way) {
      CAPTURE(size);
      CAPTURE(way);
      std::uint64_t sequence = 0;
      if (way == 0) {
        CHECK(seqcast_publish(p.get(), size > 0 ? bytes.data() : nullptr, size, &sequence) == 0);
      } else if (way == 1) {
        const std::size_t first = size / 3;
        const seqcast_piece pieces[]{{bytes.data(), first}, {nullptr, 0}, {bytes.data() + first, size - first}};
        CHECK(seqcast_publish_pieces(p.get(), pieces, 3, &sequence) == 0);
      } else {
        void* room = nullptr;
        std::size_t room_size = 0;
        CHECK(seqcast_loan(p.get(), &room, &room_size) == 0);
        CHECK(room_size == most);
        std::memcpy(room, bytes.data(), size);
        CHECK(seqcast_commit(p.get(), size, &sequence) == 0);
      }
      CHECK(sequence == ++expected);
      const auto right = [&](std::string_view how) {
        CAPTURE(how);
        CHECK(message.sequence == expected);
        CHECK(message.lost == 0);
        CHECK(message.published_at_ns == 0);
        CHECK((content(message) == std::string_view{bytes}.substr(0, size)));
      };
      REQUIRE(seqcast_view(viewer.get(), &message) == SEQCAST_OK);
      right("view");
      CHECK(seqcast_validate(viewer.get(), &message) == SEQCAST_OK);
      REQUIRE(seqcast_latest_view(viewer.get(), &message) == SEQCAST_OK);
      right("latest_view");
      REQUIRE((way == 0 ? seqcast_next(s.get(), &message)
                        : seqcast_next_into(s.get(), buffer.data(), size, &message)) == SEQCAST_OK);
      right("next");
      REQUIRE(seqcast_latest(s.get(), &message) == SEQCAST_OK);
      right("latest");
      REQUIRE(seqcast_latest_into(s.get(), buffer.data(), most, &message) == SEQCAST_OK);
      CHECK(message.data == buffer.data());
      right("latest_into");
    }
  }
}

TEST_CASE("C and C++ read each other's channels") {
  struct Quote {
    double bid, ask;
  };
  const Place place;
  auto options = sized<seqcast_publisher_options>();
  options.max_message_size = sizeof(Quote);
  options.message_alignment = alignof(Quote);
  options.timestamps = SEQCAST_ON;
  {
    const auto p = place.publisher(&options);
    seqcast::Subscriber<Quote> quotes{seqcast::file(place.path)};
    const Quote sent{1.5, 2.5};
    CHECK(seqcast_publish(p.get(), &sent, sizeof sent, nullptr) == SEQCAST_OK);
    const auto quote = quotes.next();
    REQUIRE(quote);
    CHECK(quote->message.ask == 2.5);
  }
  seqcast::Publisher<Quote> quotes{seqcast::file(place.path)};
  const auto s = place.subscriber();
  const std::uint64_t before = seqcast_clock_ns();
  quotes.publish({3, 4});
  auto message = sized<seqcast_message>();
  REQUIRE(seqcast_next(s.get(), &message) == SEQCAST_OK);
  CHECK(message.size == sizeof(Quote));
  CHECK(message.sequence == 2);
  CHECK(message.published_at_ns >= before);
  CHECK(message.published_at_ns <= seqcast_clock_ns());
}

TEST_CASE("a message that is too long is not published, and the explanation says how long it may be") {
  const Channel channel;
  const std::string long_message(101, 'x');
  std::uint64_t sequence = 7;
  CHECK(seqcast_publish(channel.p.get(), long_message.data(), 101, &sequence) == SEQCAST_TOO_LONG);
  const seqcast_piece pieces[]{{long_message.data(), 60}, {long_message.data(), 41}};
  CHECK(seqcast_publish_pieces(channel.p.get(), pieces, 2, &sequence) == SEQCAST_TOO_LONG);
  const seqcast_piece huge[]{{long_message.data(), 60}, {long_message.data(), ~std::size_t{0} - 10}};
  CHECK(seqcast_publish_pieces(channel.p.get(), huge, 2, &sequence) == SEQCAST_TOO_LONG);
  CHECK(seqcast_publish(channel.p.get(), long_message.data(), (std::size_t{1} << 32) + 5, &sequence) ==
        SEQCAST_TOO_LONG);
  CHECK(sequence == 7);
  Explanation why;
  CHECK(seqcast_publisher_explain(channel.p.get(), SEQCAST_TOO_LONG, &why) == SEQCAST_OK);
  CHECK(contains(why.what(), "4294967301 bytes is longer than the channel's max_message_size of 100 bytes"));
  CHECK(seqcast_publish(channel.p.get(), long_message.data(), 100, &sequence) == SEQCAST_OK);
  CHECK(sequence == 1);
}

TEST_CASE(
    "a channel whose schema has fields takes messages of their size alone, and the explanation says which") {
  const Place place;
  auto options = sized<seqcast_publisher_options>();
  options.schema = {"acme.Quote{bid:f64,ask:f64}", SEQCAST_ZERO_TERMINATED};
  const auto publisher = place.publisher(&options);
  auto* const p = publisher.get();
  const std::array<double, 3> values{};
  std::uint64_t sequence = 7;
  void* room = nullptr;
  REQUIRE(seqcast_loan(p, &room, nullptr) == SEQCAST_OK);
  for (const std::size_t size : {std::size_t{0}, std::size_t{15}, std::size_t{17}, std::size_t{1} << 40}) {
    CAPTURE(size);
    CHECK(seqcast_publish(p, values.data(), size, &sequence) == SEQCAST_NOT_OF_SCHEMA);
    const seqcast_piece pieces[]{{values.data(), 0}, {values.data(), size}};
    CHECK(seqcast_publish_pieces(p, pieces, 2, &sequence) == SEQCAST_NOT_OF_SCHEMA);
    CHECK(seqcast_commit(p, size, &sequence) == SEQCAST_NOT_OF_SCHEMA);
    Explanation why;
    CHECK(seqcast_publisher_explain(p, SEQCAST_NOT_OF_SCHEMA, &why) == SEQCAST_OK);
    const std::string numbers =
        "has " + std::to_string(size) + " bytes, and those of the channel's schema acme.Quote have 16";
    CHECK(contains(why.what(), numbers));
    CHECK(seqcast_publisher_explain(p, SEQCAST_TOO_LONG, &why) == SEQCAST_OK); // which it was not
    CHECK_FALSE(contains(why.what(), "16"));
  }
  CHECK(sequence == 7);
  CHECK(seqcast_commit(p, 16, &sequence) == SEQCAST_OK);
  CHECK(sequence == 1);
  const seqcast_piece pieces[]{{values.data(), 8}, {values.data(), 8}};
  CHECK(seqcast_publish_pieces(p, pieces, 2, &sequence) == SEQCAST_OK);
  CHECK(seqcast_publish(p, values.data(), 16, &sequence) == SEQCAST_OK);
  CHECK(sequence == 3);
}

TEST_CASE("several messages are published and received in one call, as in C++") {
  const Channel channel; // of 4 slots
  auto* const p = channel.p.get();
  auto* const s = channel.s.get();
  const std::array<std::uint64_t, 5> values{1, 2, 3, 4, 5};
  std::array<std::uint64_t, 4> found{};
  std::uint64_t sequence = 7;
  auto batch = sized<seqcast_batch>();
  CHECK(seqcast_next_batch(s, found.data(), 8, 4, &batch) == SEQCAST_NOTHING_NEW);
  CHECK(seqcast_publish_batch(p, values.data(), 8, 3, &sequence) == SEQCAST_OK);
  CHECK(sequence == 3);
  REQUIRE(seqcast_next_batch(s, found.data(), 8, 2, &batch) == SEQCAST_OK);
  CHECK(batch.count == 2);
  CHECK(batch.size == 8);
  CHECK(batch.sequence == 1);
  CHECK(batch.lost == 0);
  CHECK(found == std::array<std::uint64_t, 4>{1, 2, 0, 0});
  CHECK(seqcast_publish_batch(p, values.data(), 8, 5, nullptr) == SEQCAST_OK); // 4 to 8
  REQUIRE(seqcast_next_batch(s, found.data(), 8, 4, &batch) == SEQCAST_OK);
  CHECK(batch.sequence == 3 + batch.lost);
  CHECK(batch.lost > 0);
  CHECK(batch.sequence + batch.count == 9);
  CHECK(found[batch.count - 1] == 5);
  CHECK(seqcast_publish_batch(p, nullptr, 0, 2, &sequence) == SEQCAST_OK); // two empty ones
  CHECK(sequence == 10);
  CHECK(seqcast_publish_batch(p, nullptr, 8, 0, &sequence) == SEQCAST_OK); // none
  CHECK(sequence == 10);
  const seqcast_batch before = batch;
  CHECK(seqcast_next_batch(s, found.data(), 8, 4, &batch) == SEQCAST_BUFFER_TOO_SMALL);
  CHECK(batch.size == 0);
  CHECK(batch.count == before.count);
  CHECK(batch.sequence == before.sequence);
  CHECK(channel.publish("twelve bytes") == 11);
  auto message = sized<seqcast_message>();
  CHECK(seqcast_next(s, &message) == SEQCAST_OK);
  CHECK(seqcast_next(s, &message) == SEQCAST_OK);
  CHECK(seqcast_next_batch(s, found.data(), 8, 4, &batch) == SEQCAST_BUFFER_TOO_SMALL);
  CHECK(batch.size == 12);
  CHECK(seqcast_next(s, &message) == SEQCAST_OK);
  CHECK(content(message) == "twelve bytes");

  CHECK(seqcast_publish_batch(p, values.data(), 101, 0, &sequence) == SEQCAST_TOO_LONG);
  const auto refused = [&](std::size_t size, std::size_t capacity) {
    CHECK(seqcast_next_batch(s, found.data(), size, capacity, &batch) == SEQCAST_INVALID_ARGUMENT);
  };
  refused(0, 4);
  refused(8, 0);
  refused(std::size_t{1} << 32, 1);
  refused(8, ~std::size_t{0} / 4);
  batch.struct_size -= 8;
  refused(8, 4);
}

TEST_CASE("a publisher waits for a reliable subscriber, or demotes it, which then registers again") {
  const Place place;
  auto publisher_options = sized<seqcast_publisher_options>();
  publisher_options.capacity = 4;
  publisher_options.max_blocking_time_ns = 1; // demotes at once
  auto subscriber_options = sized<seqcast_subscriber_options>();
  subscriber_options.reliable = 1;
  const auto p = place.publisher(&publisher_options);
  const auto s = place.subscriber(&subscriber_options);
  const auto waited_for = [&] {
    auto publisher_info = sized<seqcast_publisher_info>();
    auto subscriber_info = sized<seqcast_subscriber_info>();
    REQUIRE(seqcast_publisher_get_info(p.get(), &publisher_info) == SEQCAST_OK);
    REQUIRE(seqcast_subscriber_get_info(s.get(), &subscriber_info) == SEQCAST_OK);
    return std::pair{publisher_info.reliable_subscribers, subscriber_info.reliable};
  };
  using Pair = std::pair<std::uint32_t, std::uint32_t>;
  CHECK(waited_for() == Pair{1, 1});
  std::uint64_t sequence = 0;
  const auto fill = [&] {
    while (seqcast_try_publish(p.get(), "x", 1, &sequence) == SEQCAST_OK) REQUIRE(sequence < 100);
    CHECK(seqcast_try_publish(p.get(), "x", 1, &sequence) == SEQCAST_WOULD_WAIT);
    CHECK(seqcast_try_publish(p.get(), "x", 5000, &sequence) == SEQCAST_TOO_LONG);
    return sequence;
  };
  CHECK(fill() == 3);
  auto message = sized<seqcast_message>();
  CHECK(seqcast_next(s.get(), &message) == SEQCAST_OK);
  CHECK(seqcast_next(s.get(), &message) == SEQCAST_OK); // reports the first
  CHECK(fill() == 4);

  CHECK(seqcast_publish(p.get(), "x", 1, &sequence) == SEQCAST_OK);
  CHECK(waited_for() == Pair{0, 1}); // it was not told
  int code = SEQCAST_OK;
  SUBCASE("next") {
    code = seqcast_next(s.get(), &message);
  }
  SUBCASE("a wait") {
    code = seqcast_next_for(s.get(), SEQCAST_FOREVER, nullptr, &message);
  }
  SUBCASE("a view") {
    code = seqcast_view(s.get(), &message);
  }
  SUBCASE("a batch") {
    std::array<char, 4> buffer{};
    auto batch = sized<seqcast_batch>();
    code = seqcast_next_batch(s.get(), buffer.data(), 1, buffer.size(), &batch);
  }
  CHECK(code == SEQCAST_DEMOTED);
  CHECK(waited_for() == Pair{0, 0});
  CHECK(message.sequence == 2);
  CHECK(seqcast_next(s.get(), &message) == SEQCAST_OK);
  CHECK(message.sequence == 3);
  CHECK(seqcast_register_reliable(s.get(), nullptr) == SEQCAST_OK);
  CHECK(waited_for() == Pair{1, 1});
  CHECK(fill() == 6);
}

TEST_CASE("a publisher that waits without end waits until the subscriber goes on") {
  const Place place;
  auto publisher_options = sized<seqcast_publisher_options>();
  publisher_options.capacity = 4;
  publisher_options.max_blocking_time_ns = SEQCAST_FOREVER;
  auto subscriber_options = sized<seqcast_subscriber_options>();
  subscriber_options.reliable = 1;
  const auto p = place.publisher(&publisher_options);
  const auto s = place.subscriber(&subscriber_options);
  std::jthread other{[&] {
    for (std::uint64_t i = 1; i <= 1000; ++i) seqcast_publish(p.get(), &i, sizeof i, nullptr);
  }};
  auto message = sized<seqcast_message>();
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    constexpr auto most = std::chrono::nanoseconds{long_timeout}.count();
    REQUIRE(seqcast_next_for(s.get(), most, nullptr, &message) == SEQCAST_OK);
    CHECK(message.sequence == i);
    CHECK(message.lost == 0);
  }
}

TEST_CASE("where nobody is waited for, a reliable subscriber is refused, with what to do") {
  const Channel channel;
  auto options = sized<seqcast_subscriber_options>();
  options.reliable = 1;
  seqcast_subscriber* refused = nullptr;
  Explanation why;
  CHECK(seqcast_subscriber_open(SEQCAST_VERSION, &channel.where, &options, &refused, &why) ==
        SEQCAST_NOT_RELIABLE);
  CHECK(contains(why.what(), "max_blocking_time"));
  CHECK(seqcast_register_reliable(channel.s.get(), &why) == SEQCAST_NOT_RELIABLE);
  channel.publish("one");
  auto message = sized<seqcast_message>();
  CHECK(seqcast_next(channel.s.get(), &message) == SEQCAST_OK); // by best effort
  std::uint64_t sequence = 0;
  CHECK(seqcast_try_publish(channel.p.get(), "two", 3, &sequence) == SEQCAST_OK);
  CHECK(sequence == 2);
}

TEST_CASE(
    "what a publisher skips counts as lost; where there are no gaps, or too few sequences, nothing is "
    "skipped") {
  const Place place;
  auto options = sized<seqcast_publisher_options>();
  options.capacity = 8;
  options.gaps = SEQCAST_ON;
  const auto p = place.publisher(&options);
  const auto s = place.subscriber();
  auto message = sized<seqcast_message>();
  std::uint64_t sequence = 0;
  for (const std::uint64_t count : {0U, 3U, 8U, 1000U}) {
    const std::uint64_t before = sequence;
    CHECK(seqcast_skip(p.get(), count, nullptr) == SEQCAST_OK);
    CHECK(seqcast_skip(p.get(), count, &sequence) == SEQCAST_OK);
    CHECK(sequence == before + 2 * count);
    CHECK(seqcast_next(s.get(), &message) == SEQCAST_NOTHING_NEW);
    CHECK(seqcast_publish(p.get(), "x", 1, &sequence) == SEQCAST_OK);
    REQUIRE(seqcast_next(s.get(), &message) == SEQCAST_OK);
    CHECK(message.sequence == sequence);
    CHECK(message.lost == 2 * count);
  }
  std::uint64_t unchanged = 7;
  CHECK(seqcast_skip(p.get(), std::uint64_t{1} << 60, &unchanged) == SEQCAST_INVALID_ARGUMENT);
  void* room = nullptr;
  CHECK(seqcast_loan(p.get(), &room, nullptr) == SEQCAST_OK);
  CHECK(seqcast_skip(p.get(), 1, nullptr) == SEQCAST_OK);
  CHECK(seqcast_commit(p.get(), 0, &unchanged) == SEQCAST_STALE_LOAN);
  const Channel without;
  CHECK(seqcast_skip(without.p.get(), 1, &unchanged) == SEQCAST_NO_GAPS);
  CHECK(unchanged == 7);
  without.publish("one");
  CHECK(seqcast_next(without.s.get(), &message) == SEQCAST_OK);
  CHECK(message.sequence == 1);
}

TEST_CASE("a loan is committed once, and before any other message") {
  const Channel channel;
  auto* const p = channel.p.get();
  std::uint64_t sequence = 7;
  CHECK(seqcast_commit(p, 0, &sequence) == SEQCAST_STALE_LOAN);
  void* room = nullptr;
  CHECK(seqcast_loan(p, &room, nullptr) == SEQCAST_OK);
  CHECK(seqcast_commit(p, 101, &sequence) == SEQCAST_TOO_LONG);
  CHECK(sequence == 7);
  std::memcpy(room, "hello", 5);
  auto message = sized<seqcast_message>();
  CHECK(seqcast_next(channel.s.get(), &message) == SEQCAST_NOTHING_NEW);
  CHECK(seqcast_commit(p, 5, nullptr) == SEQCAST_OK);
  REQUIRE(seqcast_next(channel.s.get(), &message) == SEQCAST_OK);
  CHECK(content(message) == "hello");
  CHECK(seqcast_commit(p, 5, &sequence) == SEQCAST_STALE_LOAN);
  CHECK(seqcast_loan(p, &room, nullptr) == SEQCAST_OK);
  void* again = nullptr;
  CHECK(seqcast_loan(p, &again, nullptr) == SEQCAST_OK);
  CHECK(room == again);
  channel.publish("in between");
  CHECK(seqcast_commit(p, 5, &sequence) == SEQCAST_STALE_LOAN);
  Explanation why;
  CHECK(seqcast_publisher_explain(p, SEQCAST_STALE_LOAN, &why) == SEQCAST_OK);
  CHECK(contains(why.what(), "loan"));
  CHECK(channel.publish("next") == 3);
}

TEST_CASE("nothing new leaves the message as it was, and an overrun counts what was lost") {
  const Channel channel;
  auto message = sized<seqcast_message>();
  message.sequence = 77;
  CHECK(seqcast_next(channel.s.get(), &message) == SEQCAST_NOTHING_NEW);
  CHECK(seqcast_latest(channel.s.get(), &message) == SEQCAST_NOTHING_NEW);
  CHECK(seqcast_view(channel.s.get(), &message) == SEQCAST_NOTHING_NEW);
  CHECK(message.sequence == 77);
  for (int i = 0; i < 10; ++i) channel.publish("x");
  std::uint64_t lag = 0;
  CHECK(seqcast_lag(channel.s.get(), &lag) == SEQCAST_OK);
  CHECK(lag == 10);
  REQUIRE(seqcast_next(channel.s.get(), &message) == SEQCAST_OK);
  CHECK(message.sequence == message.lost + 1);
  CHECK(message.lost >= 7);
  std::uint64_t next = 0;
  CHECK(seqcast_seek(channel.s.get(), 1000, &next) == SEQCAST_OK);
  CHECK(next == 11);
  CHECK(seqcast_seek(channel.s.get(), 10, nullptr) == SEQCAST_OK);
  REQUIRE(seqcast_next(channel.s.get(), &message) == SEQCAST_OK);
  CHECK(message.sequence == 10);
}

TEST_CASE("a message that is longer than the buffer is still unread, and its size is given") {
  const Channel channel;
  channel.publish("sixteen letters!");
  std::array<char, 16> buffer{};
  auto message = sized<seqcast_message>();
  CHECK(seqcast_next_into(channel.s.get(), buffer.data(), 15, &message) == SEQCAST_BUFFER_TOO_SMALL);
  CHECK(message.size == 16);
  CHECK(message.sequence == 0);
  message.size = 0;
  CHECK(seqcast_latest_into(channel.s.get(), nullptr, 0, &message) == SEQCAST_BUFFER_TOO_SMALL);
  CHECK(message.size == 16);
  CHECK(seqcast_next_for_into(channel.s.get(), nullptr, 0, a_minute, nullptr, &message) ==
        SEQCAST_BUFFER_TOO_SMALL);
  CHECK(seqcast_next_for_into(channel.s.get(), buffer.data(), 16, a_minute, nullptr, &message) == SEQCAST_OK);
  CHECK(content(message) == "sixteen letters!");
}

TEST_CASE("a view is validated, unless it was overrun or another region has come") {
  const Channel channel;
  channel.publish("one");
  auto view = sized<seqcast_message>();
  REQUIRE(seqcast_view(channel.s.get(), &view) == SEQCAST_OK);
  CHECK(seqcast_validate(channel.s.get(), &view) == SEQCAST_OK);
  CHECK(seqcast_validate(channel.s.get(), &view) == SEQCAST_OK);
  channel.publish("two");
  auto second = sized<seqcast_message>();
  REQUIRE(seqcast_view(channel.s.get(), &second) == SEQCAST_OK);
  CHECK(second.sequence == 2); // the first one counts as read
  CHECK(seqcast_validate(channel.s.get(), &view) == SEQCAST_OK);
  auto wrong = second;
  wrong.data = view.data;
  CHECK(seqcast_validate(channel.s.get(), &wrong) == SEQCAST_OVERRUN);
  wrong.sequence = 0;
  CHECK(seqcast_validate(channel.s.get(), &wrong) == SEQCAST_INVALID_ARGUMENT);
  wrong.sequence = (std::uint64_t{1} << 63) + 2; // twice that is 4
  CHECK(seqcast_validate(channel.s.get(), &wrong) == SEQCAST_INVALID_ARGUMENT);
  for (int i = 0; i < 4; ++i) channel.publish("lap");
  CHECK(seqcast_validate(channel.s.get(), &second) == SEQCAST_OVERRUN);
  CHECK(seqcast_validate(channel.s.get(), &view) == SEQCAST_OVERRUN);
  auto message = sized<seqcast_message>();
  REQUIRE(seqcast_next(channel.s.get(), &message) == SEQCAST_OK);
  CHECK(message.lost == message.sequence - 2);

  auto last = sized<seqcast_message>();
  REQUIRE(seqcast_latest_view(channel.s.get(), &last) == SEQCAST_OK);
  auto even_if_alive = sized<seqcast_remove_options>();
  even_if_alive.even_if_alive = 1;
  REQUIRE(seqcast_remove(&channel.where, &even_if_alive, nullptr) == SEQCAST_OK);
  const auto p = channel.publisher(4, 100);
  REQUIRE(seqcast_reopen(channel.s.get(), nullptr) == SEQCAST_OK);
  CHECK(seqcast_validate(channel.s.get(), &last) == SEQCAST_OVERRUN);
}

TEST_CASE("a wait says why it ended, and each end once") {
  Channel channel;
  auto* const s = channel.s.get();
  CHECK(seqcast_wait(s, 0, nullptr) == SEQCAST_TIMEOUT);
  CHECK(seqcast_wait(s, 1000, nullptr) == SEQCAST_TIMEOUT);
  channel.publish("x");
  CHECK(seqcast_wait(s, SEQCAST_FOREVER, nullptr) == SEQCAST_OK);
  auto message = sized<seqcast_message>();
  CHECK(seqcast_next(s, &message) == SEQCAST_OK);
  CHECK(seqcast_next_for(s, 0, nullptr, &message) == SEQCAST_TIMEOUT);
  std::jthread other{[&] { channel.publish("from another thread"); }};
  CHECK(seqcast_next_for(s, a_minute, nullptr, &message) == SEQCAST_OK);
  CHECK(content(message) == "from another thread");
  other.join();
  channel.p.reset();
  CHECK(seqcast_next_for(s, a_minute, nullptr, &message) == SEQCAST_CLOSED);
  CHECK(seqcast_wait(s, 0, nullptr) == SEQCAST_TIMEOUT);
  CHECK(seqcast_remove(&channel.where, nullptr, nullptr) == SEQCAST_OK);
  const auto p = channel.publisher();
  CHECK(seqcast_wait(s, a_minute, nullptr) == SEQCAST_SUPERSEDED);
}

TEST_CASE("a stop source ends waits from another thread, now and from then on") {
  const Channel channel;
  const auto stop = stop_source();
  std::jthread other{[&] { CHECK(seqcast_stop_source_request(stop.get()) == SEQCAST_OK); }};
  CHECK(seqcast_wait(channel.s.get(), SEQCAST_FOREVER, stop.get()) == SEQCAST_STOPPED);
  auto message = sized<seqcast_message>();
  CHECK(seqcast_next_for(channel.s.get(), SEQCAST_FOREVER, stop.get(), &message) == SEQCAST_STOPPED);
  auto* const s = channel.s.get();
  std::size_t index = 7;
  CHECK(seqcast_wait_any(&s, 1, SEQCAST_FOREVER, stop.get(), &index) == SEQCAST_STOPPED);
  CHECK(index == 1);
  const auto unused = stop_source();
  CHECK(seqcast_wait(s, 0, unused.get()) == SEQCAST_TIMEOUT);
}

TEST_CASE("a subscriber that follows moves on to a region with longer messages") {
  Channel channel;
  auto options = sized<seqcast_subscriber_options>();
  options.follow = 1;
  options.start = SEQCAST_START_OLDEST;
  channel.publish("old");
  const auto s = channel.subscriber(&options);
  channel.p.reset();
  auto replace = sized<seqcast_publisher_options>();
  replace.max_message_size = 100'000;
  replace.replace = 1;
  const auto p = channel.publisher(&replace);
  const std::string large(100'000, 'n');
  CHECK(seqcast_publish(p.get(), large.data(), large.size(), nullptr) == SEQCAST_OK);
  auto message = sized<seqcast_message>();
  REQUIRE(seqcast_next_for(s.get(), a_minute, nullptr, &message) == SEQCAST_OK);
  CHECK(content(message) == "old");
  CHECK(seqcast_next_for(s.get(), a_minute, nullptr, &message) == SEQCAST_SUPERSEDED);
  REQUIRE(seqcast_next_for(s.get(), a_minute, nullptr, &message) == SEQCAST_OK);
  CHECK((content(message) == large));
  CHECK(message.sequence == 1);
}

TEST_CASE("a wait on many gives the place of the first that is ready") {
  const Channel one, two;
  seqcast_subscriber* const both[]{one.s.get(), two.s.get()};
  std::size_t index = 7;
  CHECK(seqcast_wait_any(both, 2, 1000, nullptr, &index) == SEQCAST_TIMEOUT);
  CHECK(index == 2);
  two.publish("x");
  CHECK(seqcast_wait_any(both, 2, a_minute, nullptr, &index) == SEQCAST_OK);
  CHECK(index == 1);
  one.publish("x");
  CHECK(seqcast_wait_any(both, 2, a_minute, nullptr, &index) == SEQCAST_OK);
  CHECK(index == 0);
  CHECK(seqcast_wait_any(both, 2, a_minute, nullptr, nullptr) == SEQCAST_OK);
  CHECK(seqcast_wait_any(nullptr, 0, 1000, nullptr, &index) == SEQCAST_TIMEOUT);
  CHECK(index == 0);
}

TEST_CASE("a descriptor becomes readable when one of its subscribers has something") {
  const Channel one, two;
  seqcast_poll_descriptor* made = nullptr;
  REQUIRE(seqcast_poll_descriptor_open(&made, nullptr) == SEQCAST_OK);
  const Poll poll{made};
  std::intptr_t native = -1;
  REQUIRE(seqcast_poll_descriptor_get(poll.get(), &native) == SEQCAST_OK);
  const auto handle = handle_of<seqcast::PollDescriptor::NativeHandle>(native);
  seqcast_subscriber* const both[]{one.s.get(), two.s.get()};
  CHECK(seqcast_poll_descriptor_arm(poll.get(), both, 2, nullptr) == SEQCAST_OK);
  CHECK_FALSE(readable(handle, Watchdog{"nothing", 0ns}));
  two.publish("x");
  CHECK(readable(handle, Watchdog{"a readable descriptor"}));
  CHECK(seqcast_poll_descriptor_arm(poll.get(), both, 1, nullptr) == SEQCAST_OK);
  CHECK_FALSE(readable(handle, Watchdog{"nothing", 0ns}));
  CHECK(seqcast_poll_descriptor_arm(poll.get(), nullptr, 0, nullptr) == SEQCAST_OK);
}

TEST_CASE("publisher, subscriber and inspector say what has become of the channel") {
  Channel channel;
  channel.publish("one");
  channel.publish("two");
  auto publisher = sized<seqcast_publisher_info>();
  REQUIRE(seqcast_publisher_get_info(channel.p.get(), &publisher) == SEQCAST_OK);
  CHECK(publisher.head == 2);
  CHECK(publisher.epoch == 1);
  CHECK(publisher.first_sequence == 1);
  CHECK(publisher.capacity == 4);
  CHECK(publisher.max_message_size == 100);
  CHECK(publisher.timestamps == 0);
  CHECK(publisher.state == SEQCAST_STATE_LIVE);

  auto message = sized<seqcast_message>();
  REQUIRE(seqcast_next(channel.s.get(), &message) == SEQCAST_OK);
  auto subscriber = sized<seqcast_subscriber_info>();
  REQUIRE(seqcast_subscriber_get_info(channel.s.get(), &subscriber) == SEQCAST_OK);
  CHECK(subscriber.cursor == 1);
  CHECK(subscriber.lag == 1);
  CHECK(subscriber.epoch == 1);
  CHECK(subscriber.first_sequence == 1);
  CHECK(subscriber.capacity == 4);
  CHECK(subscriber.max_message_size == 100);
  CHECK(subscriber.timestamps == 0);
  CHECK(subscriber.state == SEQCAST_STATE_LIVE);
  CHECK(subscriber.publisher_alive == 1);
  CHECK(subscriber.wakeup == SEQCAST_WAKEUP_BELL);

  const auto inspector = channel.inspector();
  auto status = sized<seqcast_status>();
  const seqcast::Inspector same{seqcast::file(channel.path)};
  REQUIRE(seqcast_inspector_get_status(inspector.get(), &status) == SEQCAST_OK);
  CHECK(status.head == 2);
  CHECK(status.oldest == 1);
  CHECK(status.published_at_ns == 0);
  CHECK(status.epoch == 1);
  CHECK(status.first_sequence == 1);
  CHECK(status.publisher_process == same.status().publisher_process);
  CHECK(status.publisher_process == process_id());
  CHECK(status.state == SEQCAST_STATE_LIVE);
  CHECK(status.publisher_alive == 1);
  CHECK(status.bell_found == 1);
  CHECK(status.problem == 0);

  channel.p.reset();
  REQUIRE(seqcast_inspector_get_status(inspector.get(), &status) == SEQCAST_OK);
  CHECK(status.state == SEQCAST_STATE_CLOSED);
  CHECK(status.publisher_alive == 0);
  REQUIRE(seqcast_subscriber_get_info(channel.s.get(), &subscriber) == SEQCAST_OK);
  CHECK(subscriber.state == SEQCAST_STATE_CLOSED);
  CHECK(subscriber.publisher_alive == 0);
}

TEST_CASE("a hostile region gives codes, and an inspector says that it is damaged") {
  const Channel channel;
  channel.publish("one");
  const auto inspector = channel.inspector();
  auto identity = sized<seqcast_identity>();
  REQUIRE(seqcast_inspector_get_identity(inspector.get(), &identity) == SEQCAST_OK);
  const auto overwrite = [&](std::uint64_t offset, std::uint64_t word) {
    std::fstream file{channel.path, std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(static_cast<const char*>(static_cast<const void*>(&word)), sizeof word);
  };
  auto message = sized<seqcast_message>();
  overwrite(identity.slots_offset + 8, ~std::uint64_t{0}); // the size
  CHECK(seqcast_next(channel.s.get(), &message) == SEQCAST_WRONG_SIZE);
  overwrite(identity.slots_offset + identity.slot_stride, ~std::uint64_t{0}); // the version of message 2
  CHECK(seqcast_next(channel.s.get(), &message) == SEQCAST_CORRUPT);
  CHECK(seqcast_next_for(channel.s.get(), a_minute, nullptr, &message) == SEQCAST_CORRUPT);
  overwrite(256, ~std::uint64_t{0}); // the head
  auto status = sized<seqcast_status>();
  REQUIRE(seqcast_inspector_get_status(inspector.get(), &status) == SEQCAST_OK);
  CHECK(status.problem == SEQCAST_DAMAGED);
}

TEST_CASE("channels are listed") {
  const TemporaryFolder folder;
  const std::string first = folder / "a", second = folder / "b";
  const seqcast::BytePublisher p{seqcast::file(first)}, q{seqcast::file(second)};
  std::ofstream{folder / "c"} << "no channel";
  const seqcast_string path = text(folder.path());
  seqcast_list* made = nullptr;
  Explanation why;
  REQUIRE(seqcast_list_folder(&path, &made, &why) == SEQCAST_OK);
  const List list{made};
  std::size_t count = 0;
  CHECK(seqcast_list_count(list.get(), &count) == SEQCAST_OK);
  REQUIRE(count == 2);
  seqcast_location where{};
  CHECK(seqcast_list_at(list.get(), 1, &where) == SEQCAST_OK);
  CHECK(where.kind == SEQCAST_FILE);
  CHECK(where.reserved == 0);
  CHECK(std::string{where.name.data} == second);
  CHECK(where.name.size == second.size());
  CHECK(seqcast_list_at(list.get(), 2, &where) == SEQCAST_INVALID_ARGUMENT);

  const std::string nowhere = folder / "nowhere";
  const seqcast_string missing = text(nowhere);
  CHECK(seqcast_list_folder(&missing, &made, &why) == -ENOENT);
  CHECK(made == nullptr);
  CHECK(contains(why.what(), nowhere));

  const TemporaryObject object;
  const seqcast::BytePublisher shared{object.channel()};
  const int code = seqcast_list_shared_memory(&made, &why);
  const List objects{made};
  if (code == -ENOTSUP) return; // Windows
  REQUIRE(code == SEQCAST_OK);
  bool found = false;
  seqcast_list_count(objects.get(), &count);
  for (std::size_t i = 0; i < count; ++i) {
    REQUIRE(seqcast_list_at(objects.get(), i, &where) == SEQCAST_OK);
    CHECK(where.kind == SEQCAST_SHARED_MEMORY);
    found = found || where.name.data == object.channel().name();
  }
  CHECK(found);
}

TEST_CASE("a channel is removed, but no live one and nothing else") {
  const Place place;
  Explanation why;
  CHECK(seqcast_remove(&place.where, nullptr, &why) == SEQCAST_NO_CHANNEL);
  auto p = place.publisher();
  CHECK(seqcast_remove(&place.where, nullptr, &why) == SEQCAST_PUBLISHER_ALIVE);
  CHECK(contains(why.what(), place.path));
  auto options = sized<seqcast_remove_options>();
  CHECK(seqcast_remove(&place.where, &options, &why) == SEQCAST_PUBLISHER_ALIVE);
  options.even_if_alive = 1;
  CHECK(seqcast_remove(&place.where, &options, &why) == SEQCAST_OK);
  CHECK(why.what().empty());
  CHECK_FALSE(std::filesystem::exists(place.path));
  auto info = sized<seqcast_publisher_info>();
  REQUIRE(seqcast_publisher_get_info(p.get(), &info) == SEQCAST_OK);
  CHECK(info.state == SEQCAST_STATE_SUPERSEDED);
  std::ofstream{place.path} << "no channel, and long enough to be looked at as one of them";
  CHECK(seqcast_remove(&place.where, nullptr, &why) == SEQCAST_NOT_A_CHANNEL);
  CHECK(std::filesystem::exists(place.path));
}

TEST_CASE("a subscriber waits for its channel, and begins and resumes where it was told to") {
  const Place place;
  seqcast_subscriber* subscriber = nullptr;
  auto options = sized<seqcast_subscriber_options>();
  options.open_timeout_ns = 1000;
  CHECK(seqcast_subscriber_open(SEQCAST_VERSION, &place.where, &options, &subscriber, nullptr) == 1);
  options.open_timeout_ns = SEQCAST_FOREVER;
  Publisher p;
  std::jthread other{[&] { p = place.publisher(8, 100); }};
  const auto waited = place.subscriber(&options);
  other.join();
  for (int i = 0; i < 100; ++i) CHECK(seqcast_publish(p.get(), &i, sizeof i, nullptr) == SEQCAST_OK);
  const auto first_sequence = [&](std::uint32_t start, std::uint32_t resume, int more) {
    options.start = start;
    options.resume = resume;
    const auto s = place.subscriber(&options);
    for (int i = 0; i < more; ++i) CHECK(seqcast_publish(p.get(), &i, sizeof i, nullptr) == SEQCAST_OK);
    auto info = sized<seqcast_publisher_info>();
    CHECK(seqcast_publisher_get_info(p.get(), &info) == SEQCAST_OK);
    auto message = sized<seqcast_message>();
    return seqcast_next(s.get(), &message) == SEQCAST_OK ? info.head - message.sequence : 1000;
  };
  CHECK(first_sequence(SEQCAST_START_NEWEST, 0, 0) == 1000);
  CHECK(first_sequence(SEQCAST_START_OLDEST, 0, 0) == 6);
  CHECK(first_sequence(SEQCAST_START_NEWEST, SEQCAST_RESUME_HALF, 100) == 3);
  CHECK(first_sequence(SEQCAST_START_NEWEST, SEQCAST_RESUME_NEWEST, 100) == 0);
  CHECK(first_sequence(SEQCAST_START_NEWEST, SEQCAST_RESUME_OLDEST, 100) == 6);
}
