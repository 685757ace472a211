// SPDX-License-Identifier: BSL-1.0
//
// schema: what a channel says about its messages: a name, and the fields with their names, types and places. It
// is stored in the channel and compared when the channel is opened; tools and other languages read it.
//
//     template <> struct seqcast::schema<Quote> {
//       static constexpr std::string_view name = "acme.Quote";
//       static constexpr auto fields = seqcast::fields(seqcast::field("bid", &Quote::bid),
//                                                      seqcast::field("ask", &Quote::ask));
//     };
//
// Who may call it: any thread. A Schema does not change.
//
// Invariants
//   1. The format in a channel is a string of PEP 3118 with explicit byte order and padding, in one spelling
//      (lib/docs/format.md). What is made here of a C++ type is what the library makes of any text of that layout.
//   2. Whatever a channel contains, a Schema of it is bounded: 32 KiB of text, 16 structures in each
//      other, 8 dimensions.
#pragma once

#include <seqcast/error.hpp>
#include <seqcast/message.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace seqcast::inline v1 {

/// Specialise this for your message, with `name` and `fields`: the channel then describes its messages, and
/// the layouts of both sides are compared when it is opened. A side whose type has none compares size and
/// alignment alone.
///
/// The name begins with a letter, has letters, digits and `._-/`, and at most 103 bytes. The fields are all
/// members, in the order of the structure: bool, integers, char, float, double, std::byte, enumerations
/// (described as their integers), char[N] as a text of N bytes, structures with a schema of their own (`fields`
/// suffices there), and arrays and std::array of all these. A structure with a member that is left out, listed
/// twice or of another type does not compile.
template <class T>
struct schema {};

/// What a field is.
enum class FieldType : std::uint8_t {
  i8,        ///< A signed integer.
  i16,       ///< A signed integer.
  i32,       ///< A signed integer.
  i64,       ///< A signed integer.
  u8,        ///< An unsigned integer, or a byte.
  u16,       ///< An unsigned integer.
  u32,       ///< An unsigned integer.
  u64,       ///< An unsigned integer.
  f16,       ///< A floating-point number of IEEE 754.
  f32,       ///< A floating-point number of IEEE 754.
  f64,       ///< A floating-point number of IEEE 754.
  boolean,   ///< A byte, 0 or 1.
  character, ///< A byte of text.
  text,      ///< `size` bytes of text, of which those behind the last that is not zero do not count.
  structure, ///< `fields`.
};

/// The name of a type as a schema's text has it: "f64"; "bool", "char", "text", "struct".
const char* to_string(FieldType type) noexcept;

/// A field of a message. It refers to its Schema, and is valid for as long as that is.
struct Field {
  std::string_view name{};                ///< Empty for the message itself.
  FieldType type = FieldType::structure;  ///< Of one element.
  bool foreign_order = false;             ///< Whether its bytes are in the other order than this machine's.
  std::uint32_t offset = 0;               ///< Bytes from the beginning of the structure that it is in.
  std::uint32_t size = 0;                 ///< Bytes of one element.
  std::uint32_t alignment = 1;            ///< Bytes: that of its type in C, which `offset` need not have.
  std::uint32_t count = 1;                ///< Elements: the product of `shape`.
  std::span<const std::uint32_t> shape{}; ///< Dimensions, the outermost first; none: one element.
  std::span<const Field> fields{};        ///< Of one element, if it is a structure.
};

/// The description of a message type, with its fields. A moved-from object may only be assigned or destroyed.
class Schema {
 public:
  /// Of a text, one of
  /// - `acme.Quote{bid:f64,ask:f64}`: laid out as C does. Types are i8 to i64, u8 to u64, f16 to f64, bool,
  ///   char, char[16] (a text of 16 bytes) and structures in braces; `f64[2][3]` is an array.
  /// - `T{<d:bid:<d:ask:}`: a format string of PEP 3118, as a memoryview of Python has it; `:acme.Quote:`
  ///   may follow.
  /// - `acme.Quote`: a name alone (as of schema<T>), of messages whose content it does not describe.
  /// Errors: throws std::system_error with Errc::invalid_options.
  explicit Schema(std::string_view text);
  /// Without exceptions: nothing, and the reason in `error`.
  [[nodiscard]] static std::optional<Schema> parse(std::string_view text, Error& error);
  /// As a channel or a recording has it. Of a format that cannot be read there is no field, and problem()
  /// says why.
  static Schema stored(std::string_view name, std::string_view format);

  /// Takes over the description.
  Schema(Schema&& other) noexcept : impl_{std::exchange(other.impl_, nullptr)} {}
  /// Takes over the description; this one's is dropped.
  Schema& operator=(Schema&& other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
  }
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;
  ~Schema();

  /// Whether there is neither a name nor a format.
  bool empty() const noexcept;
  /// As stored; may be empty.
  std::string_view name() const noexcept;
  /// The format string; empty if the content is not described. Of stored() whatever is stored, and otherwise in
  /// the spelling in which a channel stores it.
  std::string_view format() const noexcept;
  /// A hash of name and format, by which schemas are told apart; 0 if it is empty().
  std::uint64_t tag() const noexcept;
  /// A text that gives the same schema: `acme.Quote{bid:f64,ask:f64}` where that can express it, and otherwise
  /// the format and the name.
  std::string_view text() const noexcept;
  /// Why the format cannot be read; empty if it can, or if there is none.
  std::string_view problem() const noexcept;

  /// The message: its size, its alignment in C, and its fields if it is a structure. Of size 0 without a format
  /// that can be read.
  const Field& root() const noexcept;
  /// The fields of a message that is a structure.
  std::span<const Field> fields() const noexcept {
    return root().fields;
  }

 private:
  struct Impl;
  explicit Schema(const Impl* impl) noexcept : impl_{impl} {}

  const Impl* impl_;
};

namespace detail {

inline constexpr std::size_t most_name_bytes = 103;
inline constexpr std::size_t most_format_bytes = 32768;
inline constexpr std::size_t most_nested_structures = 16;
inline constexpr std::size_t most_dimensions = 8;

/// Name and format of a schema as they are stored; both empty if there is none.
struct SchemaText {
  std::string_view name = {};
  std::string_view format = {};

  constexpr bool empty() const noexcept {
    return name.empty() && format.empty();
  }
};

constexpr bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_letter_or_digit(char c) noexcept {
  return is_letter(c) || (c >= '0' && c <= '9');
}
constexpr bool is_schema_name(std::string_view name) noexcept {
  for (const char c : name) {
    if (!is_letter_or_digit(c) && c != '.' && c != '_' && c != '-' && c != '/') return false;
  }
  return !name.empty() && is_letter(name[0]) && name.size() <= most_name_bytes;
}
constexpr bool is_field_name(std::string_view name) noexcept {
  for (const char c : name) {
    if (c == ':' || static_cast<unsigned char>(c) < 0x20 || c == '\x7f') return false;
  }
  return !name.empty();
}

template <class Class, class Member>
struct NamedMember {
  std::string_view name;
  Member Class::*member;
};

} // namespace detail

/// One field of a structure, for fields(). The name has no colon and no control character.
template <class Class, class Member>
constexpr auto field(std::string_view name, Member Class::*member) noexcept {
  return detail::NamedMember<Class, Member>{name, member};
}

/// All fields of a structure, in its order, for `schema<T>::fields`.
template <class... Members>
constexpr auto fields(Members... members) noexcept {
  return [=](auto visit) { (visit(members), ...); };
}

namespace detail {

template <class T>
concept HasFields = requires {
  schema<T>::fields;
};
template <class T>
concept HasName = requires {
  schema<T>::name;
};

template <class T>
union Probe {
  std::byte bytes[sizeof(T)];
  T object;
};
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-var-template"
#pragma clang diagnostic ignored "-Wundefined-internal" // of a T without linkage
#endif
// Declared and nowhere defined: only addresses of its members are compared. That is the one way from a pointer
// to member to an offset that compilers evaluate at compile time, where they refuse what is undefined. It needs
// neither a T that can be constructed nor its bytes, so a message of 1 GiB compiles as fast as one of 16 bytes.
template <class T>
extern const Probe<T> probe;

inline constexpr std::size_t not_found = static_cast<std::size_t>(-1);

/// The offset of a member that begins at `from` or, behind padding, soon after; not_found if it
/// begins elsewhere.
template <class T, class Class, class Member>
constexpr std::size_t offset_of(Member Class::*member, std::size_t from) noexcept {
  constexpr std::size_t most_padding = 4096; // the largest alignment
  const void* const place = &(probe<T>.object.*member);
  for (std::size_t i = from; i <= sizeof(T) - sizeof(Member) && i - from < most_padding; ++i) {
    if (static_cast<const void*>(&probe<T>.bytes[i]) == place) return i;
  }
  return not_found;
}
#ifdef __clang__
#pragma clang diagnostic pop
#endif

// Stands for any member in an aggregate's braces, and for no base.
template <class T>
struct AnyMember {
  template <class Member>
  requires(!std::is_base_of_v<Member, T>) operator Member() const noexcept;
};
template <class T, std::size_t... I>
constexpr bool takes_members(std::index_sequence<I...>) noexcept {
  return requires {
    T{{(static_cast<void>(I), AnyMember<T>{})}...};
  };
}
/// Whether T is an aggregate of at least so many members, as far as that can be found out.
template <class T, std::size_t Count>
inline constexpr bool has_members =
    std::is_aggregate_v<T>&& takes_members<T>(std::make_index_sequence<Count>{});

/// What is wrong with `schema<T>::fields`.
enum class FieldsFault { none, no_fields, name, same_name, order, left_out };

template <class T>
constexpr std::size_t count_of_fields() noexcept {
  std::size_t count = 0;
  schema<T>::fields([&](const auto&) { ++count; });
  return count;
}

template <class T>
constexpr FieldsFault find_fault() noexcept {
  constexpr std::size_t count = count_of_fields<T>();
  if (count == 0) return FieldsFault::no_fields;
  if (has_members<T, count + 1>) return FieldsFault::left_out;

  FieldsFault fault = FieldsFault::none;
  bool all_listed = has_members<T, count>;
  schema<T>::fields([&]<class Class, class Member>(const NamedMember<Class, Member>&) {
    if (!std::is_same_v<Class, T>)
      all_listed = false; // a base has several members, and is one of the aggregate's
  });
  std::string_view names[count];
  std::size_t index = 0;
  std::size_t end = 0;
  schema<T>::fields([&]<class Class, class Member>(const NamedMember<Class, Member>& field) {
    static_assert(std::is_base_of_v<Class, T>, "a field of seqcast::schema<T> is no member of T");
    if (fault != FieldsFault::none) return;
    if (!is_field_name(field.name)) fault = FieldsFault::name;
    for (std::size_t i = 0; i < index; ++i) {
      if (names[i] == field.name) fault = FieldsFault::same_name;
    }
    names[index++] = field.name;
    const std::size_t offset = offset_of<T>(field.member, end);
    if (offset == not_found) {
      const bool before = end > 0 && offset_of<T>(field.member, 0) < end;
      fault = before ? FieldsFault::order : FieldsFault::left_out;
      return;
    }
    const std::size_t natural = (end + alignof(Member) - 1) / alignof(Member) * alignof(Member);
    if (offset > natural && !all_listed) fault = FieldsFault::left_out;
    end = offset + sizeof(Member);
  });
  if (fault != FieldsFault::none) return fault;
  return (end + alignof(T) - 1) / alignof(T) * alignof(T) == sizeof(T) ? fault : FieldsFault::left_out;
}

/// Appends to a text, or only counts its bytes.
struct FormatWriter {
  char* out = nullptr;
  std::size_t size = 0;

  constexpr void put(char c) noexcept {
    if (out != nullptr) out[size] = c;
    ++size;
  }
  constexpr void put_text(std::string_view text) noexcept {
    for (const char c : text) put(c);
  }
  constexpr void put_number(std::size_t number) noexcept {
    if (number >= 10) put_number(number / 10);
    put(static_cast<char>('0' + number % 10));
  }
  constexpr void put_padding(std::size_t bytes) noexcept {
    if (bytes == 0) return;
    if (bytes > 1) put_number(bytes);
    put('x');
  }
};

template <class T>
inline constexpr bool is_character = std::is_same_v<T, char> || std::is_same_v<T, char8_t>;

template <class T>
struct ArrayTraits {
  static constexpr bool is_array = false;
  static constexpr bool is_text = false;
};
template <class T, std::size_t N>
struct ArrayTraits<T[N]> {
  static constexpr bool is_array = true;
  static constexpr bool is_text = is_character<std::remove_cv_t<T>>;
  static constexpr std::size_t count = N;
  using Element = T;
};
template <class T, std::size_t N>
struct ArrayTraits<std::array<T, N>> : ArrayTraits<T[N]> {};
template <class T>
struct ArrayTraits<std::array<T, 0>> : ArrayTraits<T> {};

/// The letter of PEP 3118 for a type of one value; zero if it has none.
template <class T>
constexpr char format_letter() noexcept {
  constexpr std::size_t log2 = static_cast<std::size_t>(std::countr_zero(sizeof(T)));
  if (std::is_same_v<T, bool> && sizeof(T) == 1) return '?';
  if (is_character<T>) return 'c';
  if (std::is_same_v<T, std::byte>) return 'B';
  if (std::is_integral_v<T> && sizeof(T) <= 8) return (std::is_signed_v<T> ? "bhiq" : "BHIQ")[log2];
  if (std::is_same_v<T, float> && sizeof(T) == 4 && std::numeric_limits<T>::is_iec559) return 'f';
  if (std::is_same_v<T, double> && sizeof(T) == 8 && std::numeric_limits<T>::is_iec559) return 'd';
  return 0;
}

template <class T, std::size_t Depth>
constexpr void write_structure(FormatWriter& writer) noexcept;

template <class T, std::size_t Depth, std::size_t Dimension = 0>
constexpr void write_type(FormatWriter& writer) noexcept {
  using Array = ArrayTraits<T>;
  if constexpr (!std::is_same_v<T, std::remove_cv_t<T>>) {
    write_type<std::remove_cv_t<T>, Depth, Dimension>(writer);
  } else if constexpr (Array::is_array && !Array::is_text) {
    static_assert(Dimension < most_dimensions, "seqcast::schema describes arrays of up to 8 dimensions");
    writer.put(Dimension == 0 ? '(' : ',');
    writer.put_number(Array::count);
    write_type<typename Array::Element, Depth, Dimension + 1>(writer);
  } else {
    if (Dimension > 0) writer.put(')');
    if constexpr (Array::is_text) {
      writer.put_number(Array::count);
      writer.put('s');
    } else if constexpr (HasFields<T>) {
      write_structure<T, Depth + 1>(writer);
    } else if constexpr (std::is_enum_v<T> && !std::is_same_v<T, std::byte>) {
      write_type<std::underlying_type_t<T>, Depth>(writer);
    } else {
      static_assert(
          !refers_elsewhere<T>,
          "a pointer or a view means nothing in another process: a message with a seqcast::schema has none");
      static_assert(std::is_arithmetic_v<T> || std::is_same_v<T, std::byte> || refers_elsewhere<T>,
                    "a field that is a structure needs a seqcast::schema with fields of its own");
      static_assert(
          !std::is_arithmetic_v<T> || format_letter<T>() != 0,
          "seqcast::schema has no name for this number: use bool, float, double or integers to 64 bits");
      if (sizeof(T) > 1) writer.put(std::endian::native == std::endian::little ? '<' : '>');
      writer.put(format_letter<T>());
    }
  }
}

template <class T, std::size_t Depth>
constexpr void write_structure(FormatWriter& writer) noexcept {
  constexpr FieldsFault fault = find_fault<T>();
  static_assert(fault != FieldsFault::no_fields, "seqcast::schema<T>::fields has no field");
  static_assert(fault != FieldsFault::name,
                "a field's name in seqcast::schema<T> is empty, or has a ':' in it");
  static_assert(fault != FieldsFault::same_name, "seqcast::schema<T>::fields has a name twice");
  static_assert(fault != FieldsFault::order,
                "seqcast::schema<T>::fields lists a member twice, or not in the order of the structure");
  static_assert(fault != FieldsFault::left_out,
                "seqcast::schema<T>::fields leaves out a member of T: list all, also those for padding");
  static_assert(Depth <= most_nested_structures, "seqcast::schema describes up to 16 structures in each other");
  writer.put_text("T{");
  std::size_t end = 0;
  schema<T>::fields([&]<class Class, class Member>(const NamedMember<Class, Member>& field) {
    const std::size_t offset = offset_of<T>(field.member, end);
    writer.put_padding(offset - end);
    write_type<Member, Depth>(writer);
    writer.put(':');
    writer.put_text(field.name);
    writer.put(':');
    end = offset + sizeof(Member);
  });
  writer.put_padding(sizeof(T) - end);
  writer.put('}');
}

template <class T>
struct FormatOf {
  static constexpr std::size_t size = [] {
    FormatWriter writer;
    write_type<T, 0>(writer);
    return writer.size;
  }();
  static_assert(size <= most_format_bytes, "the fields of seqcast::schema<T> take more than 32 KiB");
  static constexpr std::array<char, size> text = [] {
    std::array<char, size> chars{};
    FormatWriter writer{chars.data(), 0};
    write_type<T, 0>(writer);
    return chars;
  }();
};

/// The schema of T as it is stored.
template <class T>
constexpr SchemaText schema_of() noexcept {
  if constexpr (HasName<T> || HasFields<T>) {
    static_assert(HasName<T>,
                  "seqcast::schema of a message needs a name: static constexpr std::string_view name");
    static_assert(HasFields<T>,
                  "seqcast::schema needs fields, which take the place of its tag: "
                  "static constexpr auto fields = seqcast::fields(seqcast::field(\"x\", &T::x), ...)");
    if constexpr (HasName<T> && HasFields<T>) {
      static_assert(
          is_schema_name(schema<T>::name),
          "a seqcast::schema's name has letters, digits and ._-/ behind a letter, and at most 103 bytes");
      return {schema<T>::name, {FormatOf<T>::text.data(), FormatOf<T>::size}};
    }
  }
  return {};
}

} // namespace detail

} // namespace seqcast::inline v1
