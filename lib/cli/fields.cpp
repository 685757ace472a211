// SPDX-License-Identifier: BSL-1.0
#include "fields.hpp"

#include "exit_code.hpp"
#include "messages.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>
#include <vector>

namespace cli {

namespace {

using seqcast::Field;
using seqcast::FieldType;
using Json = nlohmann::ordered_json;

/// IEEE 754, binary16.
double from_half(std::uint16_t half) noexcept {
  const int exponent = half >> 10 & 31;
  const int fraction = half & 1023;
  double value = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, exponent - 25);
  if (exponent == 31) value = fraction == 0 ? HUGE_VAL : std::nan("");
  return (half & 0x8000) != 0 ? -value : value;
}

std::uint16_t to_half(double value) noexcept {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double size = std::fabs(value);
  if (std::isnan(value)) return 0x7E00;
  if (size >= 65520) return static_cast<std::uint16_t>(sign | 0x7C00);
  const int exponent = size < 0x1p-14 ? -14 : std::ilogb(size);
  // Rounded to even; a carry into the exponent is right as it is.
  const int steps = static_cast<int>(std::nearbyint(std::ldexp(size, 10 - exponent)));
  const int bits = size < 0x1p-14 ? steps : steps + (exponent + 14) * 1024;
  return static_cast<std::uint16_t>(sign | bits);
}

/// Calls `use` with a value of the C++ type of a number.
template <class Use>
auto with_number(FieldType type, const Use& use) {
  switch (type) {
    case FieldType::i8:
      return use(std::int8_t{});
    case FieldType::i16:
      return use(std::int16_t{});
    case FieldType::i32:
      return use(std::int32_t{});
    case FieldType::i64:
      return use(std::int64_t{});
    case FieldType::u16:
    case FieldType::f16: // its bits
      return use(std::uint16_t{});
    case FieldType::u32:
      return use(std::uint32_t{});
    case FieldType::u64:
      return use(std::uint64_t{});
    case FieldType::f32:
      return use(float{});
    case FieldType::f64:
      return use(double{});
    default:
      return use(std::uint8_t{});
  }
}

/// The number's bytes, in the order that the field has.
template <class Number>
std::array<std::byte, sizeof(Number)> in_order(const Field& field,
                                               std::array<std::byte, sizeof(Number)> bytes) {
  if (field.foreign_order) std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

Json to_value(float number) {
  // The shortest text that gives this float, and not the digits of its double.
  if (!std::isfinite(number)) return nullptr;
  return std::stod(fmt::format("{}", number));
}
Json to_value(double number) {
  return std::isfinite(number) ? Json(number) : Json(nullptr);
}
template <class Integer>
Json to_value(Integer number) {
  return number;
}

Json element_value(const Field& field, const std::byte* from);

Json text_value(const std::byte* from, std::size_t size) {
  std::string_view text{static_cast<const char*>(static_cast<const void*>(from)), size};
  while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
  return std::string{text};
}

Json array_value(const Field& field, std::span<const std::uint32_t> shape, const std::byte*& from) {
  if (shape.empty()) {
    Json value = element_value(field, from);
    from += field.size;
    return value;
  }
  Json values = Json::array();
  for (std::uint32_t i = 0; i < shape[0]; ++i) values.push_back(array_value(field, shape.subspan(1), from));
  return values;
}

Json structure_value(std::span<const Field> fields, const std::byte* from) {
  Json object = Json::object();
  for (const Field& field : fields) {
    const std::byte* at = from + field.offset;
    object[std::string{field.name}] = array_value(field, field.shape, at);
  }
  return object;
}

Json element_value(const Field& field, const std::byte* from) {
  if (field.type == FieldType::structure) return structure_value(field.fields, from);
  if (field.type == FieldType::text || field.type == FieldType::character) return text_value(from, field.size);
  if (field.type == FieldType::boolean) return *from != std::byte{0};
  return with_number(field.type, [&](auto number) {
    std::array<std::byte, sizeof number> bytes;
    std::memcpy(bytes.data(), from, sizeof number);
    const auto value = std::bit_cast<decltype(number)>(in_order<decltype(number)>(field, bytes));
    if constexpr (sizeof number == 2) {
      if (field.type == FieldType::f16) return to_value(from_half(static_cast<std::uint16_t>(value)));
    }
    return to_value(value);
  });
}

/// What is said of a value that is not the expected one.
std::string json_text(const Json& value) {
  if (value.is_array()) return fmt::format("an array of {}", value.size());
  if (value.is_object()) return "an object";
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  constexpr std::size_t most = 40;
  if (text.size() > most) text = text.substr(0, most) + "...";
  return printable(text);
}

[[noreturn]] void refuse_value(const std::string& path, const std::string& expected, const Json& found) {
  throw Failure{Exit::failure, fmt::format("{}: expected {}, found {}", path.empty() ? "the message" : path,
                                           expected, json_text(found))};
}

template <class Integer>
Integer to_integer(const Json& value, const std::string& path) {
  constexpr auto least = std::numeric_limits<Integer>::min();
  constexpr auto most = std::numeric_limits<Integer>::max();
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number <= static_cast<std::uint64_t>(most)) return static_cast<Integer>(number);
  } else if (value.is_number_integer()) {
    const auto number = value.get<std::int64_t>();
    if (std::in_range<Integer>(number)) return static_cast<Integer>(number);
  }
  refuse_value(path, fmt::format("an integer from {} to {}", least, most), value);
}

double to_double(const Json& value, const std::string& path) {
  if (value.is_null()) return std::nan(""); // as sub prints one
  if (!value.is_number()) refuse_value(path, "a number", value);
  return value.get<double>();
}

void store_structure(const std::string& path, std::span<const Field> fields, const Json& value, std::byte* to);

void store_element(const std::string& path, const Field& field, const Json& value, std::byte* to) {
  if (field.type == FieldType::structure) return store_structure(path, field.fields, value, to);
  if (field.type == FieldType::boolean) {
    if (!value.is_boolean()) refuse_value(path, "true or false", value);
    *to = std::byte{value.get<bool>()};
    return;
  }
  if (field.type == FieldType::text || field.type == FieldType::character) {
    const std::string expected = fmt::format("a text of at most {} bytes", field.size);
    if (!value.is_string()) refuse_value(path, expected, value);
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() > field.size) refuse_value(path, expected, value);
    std::memcpy(to, text.data(), text.size());
    return;
  }
  with_number(field.type, [&](auto number) {
    using Number = decltype(number);
    if constexpr (std::is_integral_v<Number>) {
      if (field.type == FieldType::f16) {
        number = static_cast<Number>(to_half(to_double(value, path)));
      } else {
        number = to_integer<Number>(value, path);
      }
    } else {
      number = static_cast<Number>(to_double(value, path));
      if (std::isinf(number))
        refuse_value(path, fmt::format("a number that an f{} takes", 8 * sizeof number), value);
    }
    const auto bytes = in_order<Number>(field, std::bit_cast<std::array<std::byte, sizeof(Number)>>(number));
    std::memcpy(to, bytes.data(), bytes.size());
  });
}

void store_array(const std::string& path, const Field& field, std::span<const std::uint32_t> shape,
                 const Json& value, std::byte*& to) {
  if (shape.empty()) {
    store_element(path, field, value, to);
    to += field.size;
    return;
  }
  if (!value.is_array() || value.size() != shape[0]) {
    refuse_value(path, fmt::format("an array of {}", shape[0]), value);
  }
  for (std::size_t i = 0; i < value.size(); ++i) {
    store_array(path + '.' + std::to_string(i), field, shape.subspan(1), value[i], to);
  }
}

void store_structure(const std::string& path, std::span<const Field> fields, const Json& value, std::byte* to) {
  std::vector<std::string> names;
  for (const Field& field : fields) names.emplace_back(field.name);
  if (!value.is_object()) refuse_value(path, fmt::format("an object with {}", fmt::join(names, ", ")), value);
  const std::string prefix = path.empty() ? path : path + '.';
  for (const auto& [name, unused] : value.items()) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    throw Failure{Exit::failure, fmt::format("{}{}: expected one of {}, found no such field", prefix,
                                             printable(name), fmt::join(names, ", "))};
  }
  for (const Field& field : fields) {
    const auto member = value.find(std::string{field.name});
    if (member == value.end()) {
      throw Failure{Exit::failure, fmt::format("{}{}: expected a value, found none", prefix, field.name)};
    }
    std::byte* at = to + field.offset;
    store_array(prefix + std::string{field.name}, field, field.shape, *member, at);
  }
}

std::string first_part(std::string_view& path) {
  const std::size_t dot = std::min(path.find('.'), path.size());
  std::string part{path.substr(0, dot)};
  path.remove_prefix(std::min(dot + 1, path.size()));
  return part;
}

std::optional<std::uint64_t> index_of(const std::string& part) {
  std::uint64_t index = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
  if (part.empty() || error != std::errc{} || end != part.data() + part.size()) return std::nullopt;
  return index;
}

std::string type_of(const Field& field) {
  std::string type =
      field.type == FieldType::text ? fmt::format("char[{}]", field.size) : to_string(field.type);
  if (field.foreign_order) type += " swapped";
  return field.shape.empty() ? type : fmt::format("{}[{}]", type, fmt::join(field.shape, "]["));
}

void add_fields(Table& table, const std::string& prefix, std::uint64_t offset, std::span<const Field> fields) {
  for (const Field& field : fields) {
    const std::string path = prefix + printable(field.name);
    const std::uint64_t at = offset + field.offset;
    table.add({{path},
               {type_of(field)},
               {std::to_string(at)},
               {std::to_string(std::uint64_t{field.size} * field.count)}});
    add_fields(table, path + (field.shape.empty() ? "." : "[]."), at, field.fields);
  }
}

} // namespace

std::optional<Json> decode(const seqcast::Schema& schema, std::span<const std::byte> message) {
  const Field& root = schema.root();
  if (root.size == 0 || message.size() != std::uint64_t{root.size} * root.count) return std::nullopt;
  const std::byte* from = message.data();
  return array_value(root, root.shape, from);
}

std::string to_fields(const Json& value) {
  const auto text_of = [](const Json& one) { return one.dump(-1, ' ', false, Json::error_handler_t::replace); };
  if (!value.is_object()) return text_of(value);
  std::string line;
  for (const auto& [name, field] : value.items()) {
    line.append(line.empty() ? "" : " ").append(printable(name)).append("=").append(text_of(field));
  }
  return line;
}

std::optional<std::string> to_column(const Json& value, std::string_view path) {
  const Json* at = &value;
  while (!path.empty()) {
    const std::string part = first_part(path);
    const auto index = index_of(part);
    if (at->is_object() && at->contains(part)) {
      at = &(*at)[part];
    } else if (at->is_array() && index && *index < at->size()) {
      at = &(*at)[*index];
    } else {
      return std::nullopt;
    }
  }
  if (at->is_string()) return printable(at->get_ref<const std::string&>());
  return at->dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool has_field(const seqcast::Schema& schema, std::string_view path) {
  const Field* field = &schema.root();
  std::span<const std::uint32_t> shape = field->shape;
  while (!path.empty()) {
    const std::string part = first_part(path);
    if (!shape.empty()) {
      const auto index = index_of(part);
      if (!index || *index >= shape[0]) return false;
      shape = shape.subspan(1);
      continue;
    }
    const auto member = std::find_if(field->fields.begin(), field->fields.end(),
                                     [&](const Field& one) { return one.name == part; });
    if (member == field->fields.end()) return false;
    field = &*member;
    shape = field->shape;
  }
  return field->size > 0;
}

std::string encode(const seqcast::Schema& schema, std::string_view json) {
  const Json value = Json::parse(json, nullptr, false);
  if (value.is_discarded()) {
    throw Failure{Exit::failure, "expected a value in JSON, found " + json_text(Json(json))};
  }
  const Field& root = schema.root();
  std::string message(std::size_t{root.size} * root.count, '\0');
  auto* to = static_cast<std::byte*>(static_cast<void*>(message.data()));
  store_array("", root, root.shape, value, to);
  return message;
}

Table field_table(const seqcast::Schema& schema) {
  Table table{{{"FIELD"}, {"TYPE"}, {"OFFSET", true}, {"BYTES", true}}};
  add_fields(table, "", 0, schema.fields());
  return table;
}

Json fields_json(std::span<const Field> fields) {
  Json list = Json::array();
  for (const Field& field : fields) {
    Json one{{"name", std::string{field.name}},
             {"type", to_string(field.type)},
             {"offset", field.offset},
             {"size", field.size},
             {"shape", field.shape}};
    if (field.foreign_order) one["swapped"] = true;
    if (field.type == FieldType::structure) one["fields"] = fields_json(field.fields);
    list.push_back(std::move(one));
  }
  return list;
}

} // namespace cli
