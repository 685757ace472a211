// SPDX-License-Identifier: BSL-1.0
//
// Schemas: the format that is made of a C++ type, the texts that give one, what is refused and why, and in what
// two layouts differ. What must not compile is in schema_refusals.cpp.
#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>
#include "support/guarded_memory.hpp"
#include "support/refusal.hpp"
#include "support/temporary.hpp"

#include <algorithm>
#include <cstring>

namespace shapes {

enum class Side : std::uint8_t { buy, sell };
enum Plain { one, two };

struct Point {
  double x;
  double y;
};
struct Nested {
  char tag[3];
  Point at;
};
struct Numbers {
  std::int8_t i8;
  std::int16_t i16;
  std::int32_t i32;
  std::int64_t i64;
  std::uint8_t u8;
  std::uint16_t u16;
  std::uint32_t u32;
  std::uint64_t u64;
  float f32;
  double f64;
  bool flag;
  char letter;
  char8_t utf8;
  std::byte byte;
  signed char signed_letter;
  unsigned char unsigned_letter;
  long long wide;
  Side side;
  Plain plain;
};
struct Arrays {
  char text[16];
  std::array<char, 5> other;
  char words[4][8];
  float grid[2][3];
  std::array<std::array<std::int16_t, 3>, 2> nested;
  Nested parts[2];
  std::array<Point, 3> points;
  char last;
};
struct alignas(64) Line {
  std::uint64_t number = 1;
  alignas(16) std::uint8_t bit = 2;
};
struct Base {
  int a, b;
};
struct Derived : Base {
  double c;
};
struct Image {
  std::uint64_t at;
  std::array<std::uint8_t, 1 << 28> pixels;
};
#pragma pack(push, 1)
struct Packed {
  std::uint8_t a;
  double b;
  std::uint16_t c;
};
#pragma pack(pop)

/// Members that cannot be constructed from here, and of which none is public.
class Price {
 public:
  explicit Price(double value) : value_(value) {}

 private:
  friend struct seqcast::schema<Price>;
  double value_;
  std::int32_t exponent_ = 0;
};

} // namespace shapes

#define FIELD(Type, member) seqcast::field(#member, &shapes::Type::member)

template <>
struct seqcast::schema<shapes::Point> {
  static constexpr std::string_view name = "shapes.Point";
  static constexpr auto fields = seqcast::fields(FIELD(Point, x), FIELD(Point, y));
};
template <>
struct seqcast::schema<shapes::Nested> { // no name: it is part of another one only
  static constexpr auto fields = seqcast::fields(FIELD(Nested, tag), FIELD(Nested, at));
};
template <>
struct seqcast::schema<shapes::Numbers> {
  static constexpr std::string_view name = "shapes.Numbers";
  static constexpr auto fields = seqcast::fields(
      FIELD(Numbers, i8), FIELD(Numbers, i16), FIELD(Numbers, i32), FIELD(Numbers, i64), FIELD(Numbers, u8),
      FIELD(Numbers, u16), FIELD(Numbers, u32), FIELD(Numbers, u64), FIELD(Numbers, f32), FIELD(Numbers, f64),
      FIELD(Numbers, flag), FIELD(Numbers, letter), FIELD(Numbers, utf8), FIELD(Numbers, byte),
      FIELD(Numbers, signed_letter), FIELD(Numbers, unsigned_letter), FIELD(Numbers, wide),
      FIELD(Numbers, side), FIELD(Numbers, plain));
};
template <>
struct seqcast::schema<shapes::Arrays> {
  static constexpr std::string_view name = "shapes.Arrays";
  static constexpr auto fields =
      seqcast::fields(FIELD(Arrays, text), FIELD(Arrays, other), FIELD(Arrays, words), FIELD(Arrays, grid),
                      FIELD(Arrays, nested), FIELD(Arrays, parts), FIELD(Arrays, points), FIELD(Arrays, last));
};
template <>
struct seqcast::schema<shapes::Line> {
  static constexpr std::string_view name = "shapes.Line";
  static constexpr auto fields = seqcast::fields(FIELD(Line, number), FIELD(Line, bit));
};
template <>
struct seqcast::schema<shapes::Derived> {
  static constexpr std::string_view name = "shapes.Derived";
  static constexpr auto fields = seqcast::fields(FIELD(Derived, a), FIELD(Derived, b), FIELD(Derived, c));
};
template <>
struct seqcast::schema<shapes::Image> {
  static constexpr std::string_view name = "shapes/Image-2_0";
  static constexpr auto fields = seqcast::fields(FIELD(Image, at), FIELD(Image, pixels));
};
template <>
struct seqcast::schema<shapes::Packed> {
  static constexpr std::string_view name = "shapes.Packed";
  static constexpr auto fields = seqcast::fields(FIELD(Packed, a), FIELD(Packed, b), FIELD(Packed, c));
};
template <>
struct seqcast::schema<shapes::Price> {
  static constexpr std::string_view name = "shapes.Price";
  static constexpr auto fields = seqcast::fields(seqcast::field("value", &shapes::Price::value_),
                                                 seqcast::field("exponent", &shapes::Price::exponent_));
};

using namespace seqcast;
using test::TemporaryFolder;

namespace {

constexpr bool little = std::endian::native == std::endian::little;

/// A format of a little-endian machine as this one has it.
std::string of_this_machine(std::string format) {
  if (!little) std::replace(format.begin(), format.end(), '<', '>');
  return format;
}

/// The format that is made of T. The library reads it, and makes the same of what it has read.
template <class T>
std::string format_of() {
  constexpr detail::SchemaText text = detail::schema_of<T>();
  const Schema read = Schema::stored(text.name, text.format);
  CHECK(read.problem() == "");
  CHECK(read.root().size == sizeof(T));
  const std::string with_name = std::string{text.format} + ":" + std::string{text.name} + ":";
  for (const std::string& same : {with_name, std::string{read.text()}}) {
    CAPTURE(same);
    const Schema again{same};
    CHECK(again.format() == text.format);
    CHECK(again.name() == text.name);
    CHECK(again.tag() == read.tag());
    CHECK(again.text() == read.text());
  }
  return std::string{text.format};
}

std::string problem_of(const std::string& text) {
  seqcast::Error error;
  CHECK_FALSE(Schema::parse(text, error));
  CHECK(error == Errc::invalid_options);
  CHECK_THROWS_AS(Schema{text}, std::system_error);
  return error.message();
}

/// The problem of a format that is stored in a channel.
std::string stored_problem(std::string_view format) {
  const Schema schema = Schema::stored("a", format);
  CHECK(schema.fields().empty());
  CHECK(schema.root().size == 0);
  CHECK(schema.format() == format);
  CHECK(schema.name() == "a");
  return std::string{schema.problem()};
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a type becomes a format string with its exact offsets") {
  CHECK(format_of<shapes::Point>() == of_this_machine("T{<d:x:<d:y:}"));
  CHECK(format_of<shapes::Numbers>() ==
        of_this_machine(
            "T{b:i8:x<h:i16:<i:i32:<q:i64:B:u8:x<H:u16:<I:u32:<Q:u64:<f:f32:4x<d:f64:?:flag:c:letter:c:utf8:"
            "B:byte:b:signed_letter:B:unsigned_letter:2x<q:wide:B:side:3x<I:plain:}"));
  CHECK(format_of<shapes::Arrays>() ==
        of_this_machine(
            "T{16s:text:5s:other:(4)8s:words:3x(2,3)<f:grid:(2,3)<h:nested:4x(2)T{3s:tag:5xT{<d:x:<d:y:}:at:}"
            ":parts:(3)T{<d:x:<d:y:}:points:c:last:7x}"));
}

TEST_CASE("padding is that of the type: between aligned members, at the end, and none where it is packed") {
  CHECK(format_of<shapes::Line>() == of_this_machine("T{<Q:number:8xB:bit:47x}"));
  CHECK(format_of<shapes::Packed>() == of_this_machine("T{B:a:<d:b:<H:c:}"));
  CHECK(format_of<shapes::Price>() == of_this_machine("T{<d:value:<i:exponent:4x}"));
}

TEST_CASE("members of a base are fields as well, and a large message is described like a small one") {
  CHECK(format_of<shapes::Derived>() == of_this_machine("T{<i:a:<i:b:<d:c:}"));
  CHECK(format_of<shapes::Image>() == of_this_machine("T{<Q:at:(268435456)B:pixels:}"));
}

TEST_CASE("fields are given with offset, type, size and shape") {
  const Schema schema = Schema::stored("a", detail::schema_of<shapes::Arrays>().format);
  REQUIRE(schema.fields().size() == 8);
  const Field& words = schema.fields()[2];
  CHECK(words.name == "words");
  CHECK(words.type == FieldType::text);
  CHECK(words.offset == offsetof(shapes::Arrays, words));
  CHECK(words.size == 8);
  CHECK(words.count == 4);
  REQUIRE(words.shape.size() == 1);
  CHECK(words.shape[0] == 4);
  const Field& grid = schema.fields()[3];
  CHECK(grid.type == FieldType::f32);
  CHECK(grid.count == 6);
  REQUIRE(grid.shape.size() == 2);
  CHECK(grid.shape[1] == 3);
  const Field& parts = schema.fields()[5];
  CHECK(parts.type == FieldType::structure);
  CHECK(parts.size == sizeof(shapes::Nested));
  CHECK(parts.offset == offsetof(shapes::Arrays, parts));
  REQUIRE(parts.fields.size() == 2);
  CHECK(parts.fields[1].name == "at");
  CHECK(parts.fields[1].offset == offsetof(shapes::Nested, at));
  CHECK(parts.fields[1].fields.size() == 2);
  CHECK_FALSE(grid.foreign_order);
  CHECK(std::string{to_string(grid.type)} == "f32");
  CHECK(schema.root().alignment == 8);
}

TEST_CASE("the text of a schema is laid out as C does") {
  const auto format = [](std::string_view text) { return std::string{Schema{text}.format()}; };
  CHECK(format("acme.Quote{bid:f64,ask:f64}") == of_this_machine("T{<d:bid:<d:ask:}"));
  CHECK(format("a{ x : u8 , y : f64 [2] [3] , z : { p : i16 , q : bool } [4] }") ==
        of_this_machine("T{B:x:7x(2,3)<d:y:(4)T{<h:p:?:q:x}:z:}"));
  CHECK(format("{c:char,d:char[1],e:char[16],f:char[2][16],g:f16}") ==
        of_this_machine("T{c:c:1s:d:16s:e:(2)16s:f:<e:g:}"));
  CHECK(format("acme.Text") == "");
  CHECK(Schema{"acme.Text"}.name() == "acme.Text");
  CHECK(Schema{"acme.Text"}.tag() != 0);
  CHECK(Schema{""}.empty());
  CHECK(Schema{""}.tag() == 0);
  CHECK(Schema{"{a:u8}"}.name() == "");
  CHECK(Schema{"a{x:u8}"}.tag() != Schema{"b{x:u8}"}.tag());
  CHECK(Schema{"a{x:u8}"}.tag() != Schema{"a{y:u8}"}.tag());
}

TEST_CASE("a format string of PEP 3118 may have any byte order, native sizes and alignment, and counts") {
  const auto format = [](std::string_view text) { return std::string{Schema{text}.format()}; };
  CHECK(format("T{B:a:d:b:}") == of_this_machine("T{B:a:7x<d:b:}")); // '@', with the end aligned as in NumPy
  CHECK(format("T{d:b:B:a:}") == of_this_machine("T{<d:b:B:a:7x}"));
  CHECK(format("T{=B:a:d:b:}") == of_this_machine("T{B:a:<d:b:}"));
  CHECK(format("T{^B:a:d:b:}") == of_this_machine("T{B:a:<d:b:}"));
  CHECK(format("T{<i:a:>i:b:!h:c:}") == "T{<i:a:>i:b:>h:c:}");
  CHECK(format("T{3d:a:(2)3f:b:}") == of_this_machine("T{(3)<d:a:(2,3)<f:b:}"));
  CHECK(format("<d") == of_this_machine("<d").replace(0, 1, "<"));
  CHECK(format("(2, 3)<d").substr(0, 5) == "(2,3)");
  CHECK(format("T{(16)<c:text:4x}") == "T{16s:text:4x}"); // as ctypes has a c_char * 16
  CHECK(format("T{=l:a:=L:b:=q:c:}") == of_this_machine("T{<i:a:<I:b:<q:c:}"));
  CHECK(format("T{^l:a:^n:b:}") == format(sizeof(long) == 8 ? "T{=q:a:=q:b:}" : "T{=i:a:=q:b:}"));
  CHECK(format(" T{ <d:x: 4x <d:y: } :acme.Name:") == "T{<d:x:4x<d:y:}");
  CHECK(Schema{"T{<d:x:<d:y:}:acme.Name:"}.name() == "acme.Name");
  CHECK(Schema{"<d:acme.Name:"}.root().type == FieldType::f64);
  CHECK(Schema{"2T{B:x:}:a:"}.text() == "a{x:u8}[2]");
  CHECK(Schema{"a{x:u8}[2]"}.format() == "(2)T{B:x:}");
  CHECK(Schema{"16s"}.format() == "16s");
  CHECK(Schema{"=b"}.format() == "b");
  CHECK(Schema{"=b"}.text() == "=b"); // without the mark it is a name
  CHECK(Schema{"T{>d:x:}"}.fields()[0].foreign_order == little);
  CHECK(Schema{"T{>B:x:}"}.fields()[0].foreign_order == false);
}

TEST_CASE("a text that is no schema is refused with the place and what was expected") {
  const auto refused = [](const std::string& text, const char* reason) {
    CAPTURE(text);
    const std::string problem = problem_of(text);
    CAPTURE(problem);
    CHECK(has(problem, reason));
  };
  refused("a{", "expected a name of letters");
  refused("a{x}", "expected ':' at byte 4");
  refused("a{x:}", "expected a name");
  refused("a{x:f63}", "not 'f63', at byte 5");
  refused("a{x:f64", "expected '}'");
  refused("a{x:f64,}", "expected a name");
  refused("a{x:f64}y", "expected the end");
  refused("a{x:f64,x:u8}", "the field 'x' twice");
  refused("a{x:f64[0]}", "a number above 0");
  refused("a{x:f64[]}", "a number of elements");
  refused("a{x:f64[99999999999]}", "at most 2^31");
  refused("a{x:f64[1000000000]}", "at most 2 GiB");
  refused("a{x:u8[2000000000],y:u8[2000000000]}", "at most 2 GiB");
  refused("a b{x:f64}", "expected a type of PEP 3118");
  refused("T{", "expected '}'");
  refused("T{}", "expected a field");
  refused("T{<d}", "name between colons");
  refused("T{<d:x}", "expected ':'");
  refused("T{<d::}", "a field's name");
  refused("T{<d:x\n:}", "a field's name");
  refused("T{<d:x:<d:x:}", "the field 'x' twice");
  refused("<dd", "expected the end, since a message of several fields is a T{...}");
  refused("T{P:x:}", "no pointer");
  refused("T{O:x:}", "no object");
  refused("T{Zd:x:}", "complex");
  refused("T{g:x:}", "long double");
  refused("T{10w:x:}", "wide characters");
  refused("T{<n:x:}", "native sizes only");
  refused("T{4x:x:}", "padding without a name");
  refused("T{(2,)d:x:}", "expected a number");
  refused("T{(2d:x:}", "expected ')'");
  refused("T{0d:x:}", "a number above 0");
  refused("T{<d:x:}:a b:", "a name of letters, digits");
  refused("T{<d:x:}:" + std::string(104, 'a') + ":", "at most 103 bytes");
  refused(std::string(104, 'a'), "expected a type");
  refused("T{<d:" + std::string(40000, 'x') + ":}", "at most 32 KiB");
}

TEST_CASE("depth and dimensions are bounded, as deep as is allowed is read") {
  const auto nested = [](std::size_t depth) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += "T{";
    text += "B";
    for (std::size_t i = 0; i < depth; ++i) text += ":x:}";
    return text;
  };
  CHECK(Schema::stored("a", nested(16)).problem() == "");
  CHECK(has(stored_problem(nested(17)), "16 structures"));
  CHECK(has(stored_problem(nested(4000)), "16 structures"));
  const auto dimensions = [](std::size_t count) {
    std::string text = "T{(2";
    for (std::size_t i = 1; i < count; ++i) text += ",2";
    return text + ")B:x:}";
  };
  CHECK(Schema::stored("a", dimensions(8)).fields()[0].count == 256);
  CHECK(has(stored_problem(dimensions(9)), "8 dimensions"));
  CHECK(has(stored_problem(dimensions(5000)), "8 dimensions"));
}

TEST_CASE("a hostile format is read within its bytes, and its problem is told") {
  for (const auto side : {test::GuardedMemory::Against::end, test::GuardedMemory::Against::begin}) {
    for (const std::string_view text : {"T",          "T{",         "T{<",       "T{<d",
                                        "T{<d:",      "T{<d:x",     "T{<d:x:",   "(",
                                        "(2",         "(2,",        "9",         "99999999999999999999",
                                        "4",          "4x",         "T{4",       "T{4x",
                                        "T{<d:x:}:",  "T{<d:x:}:y", "@",         ":",
                                        "::",         "x",          "T{x}",      "T{<d:\xff\x80:",
                                        "X{}",        "T{(2,2)",    "T{<d:x:}}", "\x1b]0;title\x07",
                                        "T{\xffq:x:}"}) {
      CAPTURE(text);
      const test::GuardedMemory memory{text.size(), side};
      std::memcpy(memory.data(), text.data(), text.size());
      const auto* const bytes = static_cast<const char*>(static_cast<const void*>(memory.data()));
      CHECK(stored_problem({bytes, text.size()}) != "");
    }
  }
  CHECK(stored_problem(std::string(40000, 'B')) != "");
  CHECK(has(stored_problem("T{<d:x:}:b:"), "a name of its own"));
  CHECK(Schema::stored("", "").problem() == "");
  CHECK(Schema::stored(std::string{"a\x1b"}, "T{<d:x:}").name() == "a\x1b");
}

TEST_CASE("a channel describes its messages to subscribers of bytes, inspectors and others") {
  const TemporaryFolder folder;
  Publisher<shapes::Point> publisher{folder.channel()};
  publisher.publish({1.5, 2.5});
  const std::string text = "shapes.Point{x:f64,y:f64}";
  const ByteSubscriber bytes{folder.channel()};
  CHECK(bytes.schema().text() == text);
  CHECK(Subscriber<shapes::Point>{folder.channel()}.schema().text() == text);
  const Inspector inspector{folder.channel()};
  CHECK(inspector.schema().text() == text);
  CHECK(inspector.identity().schema_tag == inspector.schema().tag());
  CHECK(inspector.identity().schema_name == "shapes.Point");
  CHECK(inspector.identity().schema_format == of_this_machine("T{<d:x:<d:y:}"));
  { const BytePublisher plain{folder.channel("plain")}; }
  CHECK(Inspector{folder.channel("plain")}.schema().empty());
}

TEST_CASE("a region without a format behind its header is read as before") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  {
    Publisher<shapes::Point> publisher{location, {.capacity = 4}};
    publisher.publish({1.5, 2.5});
  }
  // As an older library has left it: a name, a tag and no format.
  test::patch_file<std::uint32_t>(location.name(), offsetof(detail::Identity, format_size), 0);
  struct Bare {
    double x, y;
  };
  Subscriber<Bare> subscriber{location, {.start = StartPosition::oldest}};
  CHECK(subscriber.next().value().message.y == 2.5);
  CHECK(subscriber.schema().text() == "shapes.Point");
  const auto refusal = test::subscriber_refusal<Subscriber<shapes::Point>>(location);
  CHECK(refusal.code == Errc::wrong_identity);
  CHECK(refusal.says({"expected schema shapes.Point{x:f64,y:f64}, found shapes.Point"}));
  const BytePublisher publisher{location, {.schema = "shapes.Point"}};
}

TEST_CASE("a region whose format does not lie before its slots is refused") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  { const Publisher<shapes::Point> publisher{location}; }
  for (const std::uint32_t size : {65U, 32769U, ~0U}) {
    CAPTURE(size);
    test::patch_file<std::uint32_t>(location.name(), offsetof(detail::Identity, format_size), size);
    const auto refusal = test::subscriber_refusal<ByteSubscriber>(location);
    CHECK(refusal.code == Errc::wrong_geometry);
    CHECK(refusal.says({"a schema's format between header and slots"}));
    CHECK(test::publisher_refusal<BytePublisher>(location).code == Errc::wrong_geometry);
  }
}

TEST_CASE("a hostile description in a region harms nobody: bytes are read, and a typed subscriber refuses it") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  {
    Publisher<shapes::Point> publisher{location};
    publisher.publish({1.5, 2.5});
  }
  test::patch_file(location.name(), detail::header_size, std::array{'T', '\xff', '\x1b', '\a'});
  ByteSubscriber bytes{location, {.start = StartPosition::oldest}};
  CHECK(bytes.next().value().message.size() == 16);
  CHECK(bytes.schema().fields().empty());
  CHECK(bytes.schema().problem() != "");
  const auto refusal = test::subscriber_refusal<Subscriber<shapes::Point>>(location);
  CHECK(refusal.says({"found shapes.Point with a description that cannot be read", "expected '{' at byte 2"}));
  CHECK_FALSE(has(refusal.text, "\x1b"));
  CHECK(test::publisher_refusal<BytePublisher>(location).says({"cannot be read"}));
}

TEST_CASE("the error of another layout names both, and the first field that differs") {
  const TemporaryFolder folder;
  std::size_t number = 0;
  const auto refused = [&](const std::string& found, const std::string& expected, const char* difference) {
    CAPTURE(found);
    CAPTURE(expected);
    const Location location = folder.channel("differs" + std::to_string(++number));
    { const BytePublisher publisher{location, {.schema = found}}; }
    const auto refusal = test::publisher_refusal<BytePublisher>(location, {.schema = expected});
    CAPTURE(refusal.text);
    CHECK(refusal.code == Errc::wrong_identity);
    CHECK(has(refusal.text, "expected schema " + expected + ", found " + found));
    CHECK(has(refusal.text, difference));
  };
  refused("a{x:f64}", "b{x:f64}", "found a{x:f64}");
  refused("a{x:f64}", "a{x:f32}", "first in x: expected f32 at byte 0, found f64 at byte 0");
  refused("a{x:f64}", "a{y:f64}", "first in y: expected f64 at byte 0, found x, f64 at byte 0");
  refused("a{x:f64}", "a{x:f64,y:u8}", "first in y: expected u8 at byte 8, found no such field");
  refused("a{x:f64,y:u8}", "a{x:f64}", "first in y: expected no such field, found u8 at byte 8");
  refused("a{x:f64[2]}", "a{x:f64[3]}", "first in x: expected f64[3] at byte 0, found f64[2] at byte 0");
  refused("a{x:f64[2][3]}", "a{x:f64[3][2]}", "expected f64[3][2] at byte 0, found f64[2][3]");
  refused("a{x:char[4]}", "a{x:char[5]}", "expected char[5] at byte 0, found char[4] at byte 0");
  refused("a{x:{p:u8,q:{r:i16}}}", "a{x:{p:u8,q:{r:u16}}}",
          "first in x.q.r: expected u16 at byte 0, found i16");
  refused("a{x:{p:u8}[2]}", "a{x:{p:u8}[3]}", "expected a structure of 1 bytes[3] at byte 0");
  refused("T{<e:x:B:y:}:a:", "T{>e:x:B:y:}:a:", "of the other byte order at byte 0");
  refused(of_this_machine("T{B:x:x<d:y:}:a:"), of_this_machine("T{B:x:3x<d:y:}:a:"),
          "first in y: expected f64 at byte 4, found f64 at byte 2");
  refused(of_this_machine("T{<d:x:x}:a:"), of_this_machine("T{<d:x:3x}:a:"),
          "the end: expected 11 bytes in all, found 9");
  refused("acme.Text", "acme.Text{x:u8}", "found acme.Text");
}
