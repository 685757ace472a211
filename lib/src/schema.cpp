// SPDX-License-Identifier: BSL-1.0
#include "schema.hpp"

#include "failure.hpp"

#include <algorithm>
#include <deque>
#include <vector>

namespace seqcast::inline v1 {

using namespace detail;

namespace {

constexpr std::uint64_t most_message_bytes = std::uint64_t{1} << 31; // of a channel
constexpr std::size_t most_shown = 300;                              // bytes of a text in an error

/// The spans and names of all fields refer to here.
struct Storage {
  std::string source; // that was parsed, with the fields' names
  std::deque<std::vector<std::uint32_t>> shapes;
  std::deque<std::vector<Field>> structures;
};

struct ScalarType {
  FieldType type;
  std::uint32_t size;
  const char* word; // in a text
  char letter;      // of PEP 3118, with standard sizes
};
constexpr std::array<ScalarType, 13> scalar_types{{{FieldType::i8, 1, "i8", 'b'},
                                                   {FieldType::i16, 2, "i16", 'h'},
                                                   {FieldType::i32, 4, "i32", 'i'},
                                                   {FieldType::i64, 8, "i64", 'q'},
                                                   {FieldType::u8, 1, "u8", 'B'},
                                                   {FieldType::u16, 2, "u16", 'H'},
                                                   {FieldType::u32, 4, "u32", 'I'},
                                                   {FieldType::u64, 8, "u64", 'Q'},
                                                   {FieldType::f16, 2, "f16", 'e'},
                                                   {FieldType::f32, 4, "f32", 'f'},
                                                   {FieldType::f64, 8, "f64", 'd'},
                                                   {FieldType::boolean, 1, "bool", '?'},
                                                   {FieldType::character, 1, "char", 'c'}}};

const ScalarType* scalar_type(FieldType type) noexcept {
  for (const ScalarType& one : scalar_types) {
    if (one.type == type) return &one;
  }
  return nullptr;
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

constexpr char native_order = std::endian::native == std::endian::little ? '<' : '>';
constexpr char foreign_order = std::endian::native == std::endian::little ? '>' : '<';

std::uint64_t round_up(std::uint64_t value, std::uint64_t alignment) noexcept {
  return (value + alignment - 1) / alignment * alignment;
}

std::uint64_t bytes_of(const Field& field) noexcept {
  return std::uint64_t{field.size} * field.count;
}

bool by_name(const Field& a, const Field& b) noexcept {
  return a.name < b.name;
}

/// What both parsers have in common: a place in the text, and limits.
class Parser {
 protected:
  explicit Parser(Storage& storage) : storage_{storage}, text_{storage.source} {}

  [[noreturn]] void refuse(const std::string& reason) const {
    fail(Errc::invalid_options, reason + " at byte " + std::to_string(at_ + 1) + " of the schema");
  }
  bool at_end() const noexcept {
    return at_ == text_.size();
  }
  char next() const noexcept {
    return at_end() ? '\0' : text_[at_];
  }
  bool consume(char c) noexcept {
    if (next() != c || at_end()) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!consume(c)) refuse(std::string{"expected '"} + c + "'");
  }
  void skip_spaces() noexcept {
    while (consume(' ') || consume('\t') || consume('\n') || consume('\r')) {
    }
  }
  /// A number of elements or bytes. Requires: a digit is next.
  std::uint32_t number() {
    std::uint64_t value = 0;
    while (is_digit(next())) {
      value = 10 * value + static_cast<std::uint64_t>(text_[at_++] - '0');
      if (value > most_message_bytes) refuse("expected a number of at most 2^31");
    }
    if (value == 0) refuse("expected a number above 0");
    return static_cast<std::uint32_t>(value);
  }
  void check_name(std::string_view name) const {
    if (!is_field_name(name)) refuse("expected a field's name without control characters");
  }
  void enter_structure(std::size_t depth) const {
    if (depth >= most_nested_structures) refuse("expected at most 16 structures in each other");
  }

  /// Gives the field its dimensions. A last dimension of characters is the length of a text.
  void set_shape(Field& field, std::vector<std::uint32_t> shape) {
    if (field.type == FieldType::character && !shape.empty()) {
      field.type = FieldType::text;
      field.size = shape.back();
      shape.pop_back();
    }
    if (shape.size() > most_dimensions) refuse("expected an array of at most 8 dimensions");
    std::uint64_t count = 1;
    for (const std::uint32_t length : shape) {
      count *= length;
      if (count * field.size > most_message_bytes) refuse("expected a message of at most 2 GiB");
    }
    field.count = static_cast<std::uint32_t>(count);
    if (shape.empty()) return;
    storage_.shapes.push_back(std::move(shape));
    field.shape = storage_.shapes.back();
  }

  /// The bytes up to `end`, within the limit.
  std::uint64_t bounded(std::uint64_t end) const {
    if (end > most_message_bytes) refuse("expected a message of at most 2 GiB");
    return end;
  }

  Field structure_of(std::vector<Field> fields, std::uint64_t size, std::uint32_t alignment) {
    if (fields.empty()) refuse("expected a field");
    std::vector<Field> sorted = fields;
    std::sort(sorted.begin(), sorted.end(), by_name);
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end(),
                                          [](const Field& a, const Field& b) { return a.name == b.name; });
    if (twice != sorted.end()) refuse("found the field '" + std::string{twice->name} + "' twice");
    storage_.structures.push_back(std::move(fields));
    return {
        .size = static_cast<std::uint32_t>(size), .alignment = alignment, .fields = storage_.structures.back()};
  }

  Storage& storage_;
  std::string_view text_;
  std::size_t at_ = 0;
};

/// A format string of PEP 3118, and of Python's module struct.
class FormatParser : public Parser {
 public:
  explicit FormatParser(Storage& storage) : Parser{storage} {}

  /// The message, and its name behind it in `name`.
  Field parse(std::string_view& name) {
    skip_spaces();
    Field message = item(0);
    skip_spaces();
    if (consume(':')) name = name_to_colon();
    skip_spaces();
    if (!at_end()) refuse("expected the end, since a message of several fields is a T{...},");
    return message;
  }

 private:
  std::string_view name_to_colon() {
    const std::size_t begin = at_;
    at_ = std::min(text_.find(':', at_), text_.size());
    const std::string_view name = text_.substr(begin, at_ - begin);
    expect(':');
    return name;
  }

  Field item(std::size_t depth) {
    std::vector<std::uint32_t> shape;
    if (consume('(')) {
      do {
        skip_spaces();
        if (!is_digit(next())) refuse("expected a number");
        shape.push_back(number());
        if (shape.size() > most_dimensions + 1) refuse("expected an array of at most 8 dimensions");
        skip_spaces();
      } while (consume(','));
      expect(')');
    }
    read_order();
    if (is_digit(next())) shape.push_back(number());
    if (next() == 's') {
      ++at_;
      if (shape.empty()) shape.push_back(1);
      Field text{.type = FieldType::character, .size = 1};
      set_shape(text, std::move(shape));
      return text;
    }
    Field field = next() == 'T' ? structure(depth) : scalar();
    set_shape(field, std::move(shape));
    return field;
  }

  void read_order() noexcept {
    if (std::string_view{"@=<>!^"}.find(next()) == std::string_view::npos || at_end()) return;
    order_ = text_[at_++];
  }

  /// The type behind a letter whose size depends on the machine; the letter itself otherwise.
  char standard_letter(char letter) const {
    const bool native = order_ == '@' || order_ == '^';
    const std::size_t index = std::string_view{"lLnN"}.find(letter);
    if (index == std::string_view::npos) return letter;
    if (!native && index >= 2) refuse("expected n and N with native sizes only, not");
    const std::size_t size = index >= 2 ? sizeof(std::size_t) : native ? sizeof(long) : 4;
    const bool is_signed = index % 2 == 0;
    return size == 8 ? (is_signed ? 'q' : 'Q') : (is_signed ? 'i' : 'I');
  }

  Field scalar() {
    const char letter = standard_letter(next());
    for (const ScalarType& type : scalar_types) {
      if (type.letter != letter) continue;
      ++at_;
      const bool little = order_ == '<' || (order_ != '>' && order_ != '!' && native_order == '<');
      return {.type = type.type,
              .foreign_order = type.size > 1 && little != (native_order == '<'),
              .size = type.size,
              .alignment = type.size};
    }
    switch (letter) {
      case 'P':
      case '&':
      case 'X':
      case 'O':
        refuse("expected no pointer and no object, which mean nothing in another process, as");
      case 'Z':
        refuse("expected an array of two numbers instead of the complex number");
      case 'g':
        refuse("expected d instead of a long double, whose size differs between machines,");
      case 'u':
      case 'w':
        refuse("expected a text of UTF-8 such as 16s instead of the wide characters");
      default:
        refuse("expected a type of PEP 3118 (one of ?cbBhHiIlLqQefds, or T{...})");
    }
  }

  Field structure(std::size_t depth) {
    enter_structure(depth);
    expect('T');
    expect('{');
    std::vector<Field> fields;
    std::uint64_t end = 0;
    std::uint32_t alignment = 1;
    std::uint32_t tail = 1; // what native alignment asks of the structure's own end
    for (skip_spaces(); !consume('}'); skip_spaces()) {
      if (at_end()) refuse("expected '}'");
      if (const std::uint32_t padding = padding_here()) {
        end = bounded(end + padding);
        continue;
      }
      Field field = item(depth + 1);
      if (order_ == '@') {
        end = round_up(end, field.alignment);
        tail = std::max(tail, field.alignment);
      }
      field.offset = static_cast<std::uint32_t>(bounded(end));
      end = bounded(end + bytes_of(field));
      alignment = std::max(alignment, field.alignment);
      skip_spaces();
      if (!consume(':')) refuse("expected the field's name between colons");
      field.name = name_to_colon();
      check_name(field.name);
      fields.push_back(field);
    }
    return structure_of(std::move(fields), bounded(round_up(end, tail)), alignment);
  }

  /// Bytes of padding, if it is next; otherwise 0, and nothing is consumed.
  std::uint32_t padding_here() {
    const std::size_t before = at_;
    read_order();
    std::uint32_t size = 1;
    if (is_digit(next())) {
      std::size_t behind = at_;
      while (behind < text_.size() && is_digit(text_[behind])) ++behind;
      if (behind < text_.size() && text_[behind] == 'x') size = number();
    }
    if (consume('x')) {
      if (next() == ':') refuse("expected padding without a name");
      return size;
    }
    at_ = before;
    return 0;
  }

  char order_ = '@';
};

/// acme.Quote{bid:f64,ask:f64}: structures in braces, laid out as C does.
class TextParser : public Parser {
 public:
  explicit TextParser(Storage& storage) : Parser{storage} {}

  Field parse(std::string_view& name) {
    const std::size_t brace = text_.find('{');
    name = text_.substr(0, brace);
    at_ = brace;
    Field message = type(0);
    skip_spaces();
    if (!at_end()) refuse("expected the end");
    return message;
  }

 private:
  std::string_view word() {
    const std::size_t begin = at_;
    while (is_letter_or_digit(next()) || next() == '_') ++at_;
    if (at_ == begin) refuse("expected a name of letters, digits and _");
    return text_.substr(begin, at_ - begin);
  }

  Field structure(std::size_t depth) {
    enter_structure(depth);
    expect('{');
    std::vector<Field> fields;
    std::uint64_t end = 0;
    std::uint32_t alignment = 1;
    do {
      skip_spaces();
      const std::string_view name = word();
      skip_spaces();
      expect(':');
      skip_spaces();
      Field field = type(depth + 1);
      field.name = name;
      end = round_up(end, field.alignment);
      field.offset = static_cast<std::uint32_t>(bounded(end));
      end = bounded(end + bytes_of(field));
      alignment = std::max(alignment, field.alignment);
      fields.push_back(field);
      skip_spaces();
    } while (consume(','));
    expect('}');
    return structure_of(std::move(fields), bounded(round_up(end, alignment)), alignment);
  }

  Field type(std::size_t depth) {
    Field field = next() == '{' ? structure(depth) : scalar();
    std::vector<std::uint32_t> shape;
    for (skip_spaces(); consume('['); skip_spaces()) {
      if (!is_digit(next())) refuse("expected a number of elements");
      shape.push_back(number());
      expect(']');
      if (shape.size() > most_dimensions + 1) refuse("expected an array of at most 8 dimensions");
    }
    set_shape(field, std::move(shape));
    return field;
  }

  Field scalar() {
    const std::size_t begin = at_;
    const std::string_view name = word();
    for (const ScalarType& type : scalar_types) {
      if (name == type.word) return {.type = type.type, .size = type.size, .alignment = type.size};
    }
    at_ = begin;
    refuse("expected one of i8 to i64, u8 to u64, f16 to f64, bool and char, or {...}, not '" +
           std::string{name} + "',");
  }
};

void append_format(std::string& format, const Field& field);

void append_padding(std::string& format, std::uint64_t bytes) {
  if (bytes > 1) format += std::to_string(bytes);
  if (bytes > 0) format += 'x';
}

void append_structure(std::string& format, const Field& structure) {
  format += "T{";
  std::uint64_t end = 0;
  for (const Field& field : structure.fields) {
    append_padding(format, field.offset - end);
    append_format(format, field);
    format.append(":").append(field.name).append(":");
    end = field.offset + bytes_of(field);
  }
  append_padding(format, structure.size - end);
  format += '}';
}

/// In the one spelling of a channel, as write_type() in the public header has it.
void append_format(std::string& format, const Field& field) {
  for (std::size_t i = 0; i < field.shape.size(); ++i) {
    format.append(i == 0 ? "(" : ",").append(std::to_string(field.shape[i]));
  }
  if (!field.shape.empty()) format += ')';
  if (field.type == FieldType::structure) {
    append_structure(format, field);
  } else if (field.type == FieldType::text) {
    format.append(std::to_string(field.size)).append("s");
  } else {
    if (field.size > 1) format += field.foreign_order ? foreign_order : native_order;
    format += scalar_type(field.type)->letter;
  }
}

void append_lengths(std::string& text, std::span<const std::uint32_t> lengths) {
  for (const std::uint32_t length : lengths) text.append("[").append(std::to_string(length)).append("]");
}

/// Appends the type as TextParser reads it; false if that cannot express it.
bool append_type(std::string& text, const Field& field) {
  if (field.foreign_order) return false;
  if (field.type == FieldType::structure) {
    text += '{';
    std::uint64_t end = 0;
    for (const Field& member : field.fields) {
      const bool plain = std::all_of(member.name.begin(), member.name.end(),
                                     [](char c) { return is_letter_or_digit(c) || c == '_'; });
      if (!plain || member.offset != round_up(end, member.alignment)) return false;
      if (end > 0) text += ',';
      text.append(member.name).append(":");
      if (!append_type(text, member)) return false;
      end = member.offset + bytes_of(member);
    }
    text += '}';
    if (field.size != round_up(end, field.alignment)) return false;
  } else {
    text += field.type == FieldType::text ? "char" : scalar_type(field.type)->word;
  }
  append_lengths(text, field.shape);
  if (field.type == FieldType::text) append_lengths(text, std::array{field.size});
  return true;
}

/// FNV-1a, 64 bits.
std::uint64_t hash(std::uint64_t seed, std::string_view text) noexcept {
  for (const char c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100'0000'01B3;
  return seed;
}

} // namespace

struct Schema::Impl {
  std::string name;
  std::string format;
  std::string text;
  std::string problem;
  Storage storage;
  Field root{};

  /// Completes what follows from the fields.
  void finish() {
    if (root.size > 0 && root.type == FieldType::structure && name != "T" && append_type(text = name, root))
      return;
    text = format;
    if (!name.empty() && !format.empty()) text.append(":").append(name).append(":");
    if (format.empty()) text = name;
    if (name.empty() && is_schema_name(text)) text.insert(0, "="); // or it would be taken for a name
  }
  void parse_format() {
    std::string_view name_behind;
    root = FormatParser{storage}.parse(name_behind);
    name = name_behind;
  }
};

Schema::Schema(std::string_view text) : impl_{nullptr} {
  auto impl = std::make_unique<Impl>();
  const std::string shown{text.substr(0, most_shown)};
  try {
    if (text.size() > 2 * most_format_bytes) fail(Errc::invalid_options, "expected at most 64 KiB");
    impl->storage.source = text;
    const std::string_view before_brace = text.substr(0, text.find('{'));
    if (is_schema_name(text)) {
      impl->name = text;
    } else if (before_brace.size() < text.size() && before_brace != "T" &&
               (before_brace.empty() || is_schema_name(before_brace))) {
      std::string_view name;
      impl->root = TextParser{impl->storage}.parse(name);
      impl->name = name;
    } else if (!text.empty()) {
      impl->parse_format();
    }
    if (!impl->name.empty() && !is_schema_name(impl->name)) {
      fail(Errc::invalid_options,
           "expected a name of letters, digits and ._-/ behind a letter, and of at most 103 bytes");
    }
    if (impl->root.size > 0) append_format(impl->format, impl->root);
    if (impl->format.size() > most_format_bytes)
      fail(Errc::invalid_options, "expected a format of at most 32 KiB");
  } catch (const Failure& failure) {
    throw Failure{failure.code(), "cannot use the schema '" + shown + "': " + failure.what()};
  }
  impl->finish();
  impl_ = impl.release();
}

std::optional<Schema> Schema::parse(std::string_view text, Error& error) {
  return without_exceptions(error, [&] { return std::optional<Schema>{Schema{text}}; });
}

Schema Schema::stored(std::string_view name, std::string_view format) {
  auto impl = std::make_unique<Impl>();
  impl->format = format;
  if (!format.empty()) {
    try {
      if (format.size() > most_format_bytes) fail(Errc::invalid_options, "it has more than 32 KiB");
      impl->storage.source = format;
      impl->parse_format();
      if (!impl->name.empty()) fail(Errc::invalid_options, "it has a name of its own");
    } catch (const Failure& failure) {
      impl->root = {};
      impl->problem = failure.what();
    }
  }
  impl->name = name;
  impl->finish();
  return Schema{impl.release()};
}

Schema::~Schema() {
  delete impl_;
}

bool Schema::empty() const noexcept {
  return impl_->name.empty() && impl_->format.empty();
}
std::string_view Schema::name() const noexcept {
  return impl_->name;
}
std::string_view Schema::format() const noexcept {
  return impl_->format;
}
std::uint64_t Schema::tag() const noexcept {
  if (empty()) return 0;
  constexpr std::uint64_t offset_basis = 0xCBF2'9CE4'8422'2325;
  const std::uint64_t tag =
      hash(hash(offset_basis, impl_->name) * 0x100'0000'01B3, impl_->format); // a zero between
  return tag == 0 ? 1 : tag;
}
std::string_view Schema::text() const noexcept {
  return impl_->text;
}
std::string_view Schema::problem() const noexcept {
  return impl_->problem;
}
const Field& Schema::root() const noexcept {
  return impl_->root;
}

const char* to_string(FieldType type) noexcept {
  if (const ScalarType* const scalar = scalar_type(type)) return scalar->word;
  return type == FieldType::text ? "text" : "struct";
}

namespace {

std::string printable(std::string_view text) {
  std::string shown{text.substr(0, most_shown)};
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == '\x7f') c = '?';
  }
  if (text.size() > most_shown) shown += "...";
  return shown;
}

std::string type_text(const Field& field) {
  Field alone = field;
  alone.foreign_order = false;
  std::string text;
  if (field.type == FieldType::structure) {
    text = "a structure of " + std::to_string(field.size) + " bytes";
    append_lengths(text, field.shape);
  } else {
    append_type(text, alone);
  }
  return text + (field.foreign_order ? " of the other byte order" : "") + " at byte " +
         std::to_string(field.offset);
}

bool same_kind(const Field& a, const Field& b) noexcept {
  return a.type == b.type && a.foreign_order == b.foreign_order && a.offset == b.offset &&
         std::equal(a.shape.begin(), a.shape.end(), b.shape.begin(), b.shape.end()) &&
         (a.type == FieldType::structure || a.size == b.size);
}

std::string difference(const std::string& path, const Field& expected, const Field& found);

std::string difference_of_fields(const std::string& path, const Field& expected, const Field& found) {
  const std::size_t count = std::max(expected.fields.size(), found.fields.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (i >= found.fields.size()) {
      const Field& field = expected.fields[i];
      return path + std::string{field.name} + ": expected " + type_text(field) + ", found no such field";
    }
    const std::string name = path + std::string{found.fields[i].name};
    if (i >= expected.fields.size())
      return name + ": expected no such field, found " + type_text(found.fields[i]);
    const Field& field = expected.fields[i];
    if (field.name != found.fields[i].name) {
      return path + std::string{field.name} + ": expected " + type_text(field) + ", found " +
             std::string{found.fields[i].name} + ", " + type_text(found.fields[i]);
    }
    if (std::string text = difference(name, field, found.fields[i]); !text.empty()) return text;
  }
  if (expected.size == found.size) return {};
  return "the end" + (path.empty() ? "" : " of " + path.substr(0, path.size() - 1)) + ": expected " +
         std::to_string(expected.size) + " bytes in all, found " + std::to_string(found.size);
}

std::string difference(const std::string& path, const Field& expected, const Field& found) {
  if (!same_kind(expected, found)) {
    return path + ": expected " + type_text(expected) + ", found " + type_text(found);
  }
  if (expected.type != FieldType::structure) return {};
  return difference_of_fields(path.empty() ? path : path + '.', expected, found);
}

} // namespace

std::string detail::describe(const Schema& schema) {
  if (schema.empty()) return "none";
  if (schema.problem().empty()) return printable(schema.text());
  return printable(schema.name()) + " with a description that cannot be read (" + printable(schema.problem()) +
         ")";
}

std::string detail::first_difference(const Schema& expected, const Schema& found) {
  const bool comparable = expected.root().size > 0 && found.root().size > 0;
  return comparable ? printable(difference("", expected.root(), found.root())) : "";
}

} // namespace seqcast::inline v1
