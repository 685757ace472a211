// SPDX-License-Identifier: BSL-1.0
#include "json_message.hpp"

#include "exit_code.hpp"
#include "fields.hpp"
#include "messages.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

namespace cli {

namespace {

using seqcast::Field;
using seqcast::FieldType;
using Object = nlohmann::ordered_json;

constexpr const char* bytes_member = "base64";
constexpr const char* text_member = "text";
constexpr const char* value_member = "value";

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648, section 4.
std::string to_base64(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < count ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k) text += k <= count ? base64_digits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string from_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  if (text.size() % 4 != 0) throw Failure{Exit::failure, "the text in \"base64\" is not base64"};
  while (text.ends_with('=')) text.remove_suffix(1);
  for (const char digit : text) {
    const std::size_t value = base64_digits.find(digit);
    if (value == std::string_view::npos) throw Failure{Exit::failure, "the text in \"base64\" is not base64"};
    group = group << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 0xFF);
  }
  return bytes;
}

/// The bits of a number in the order of this machine.
template <class Bits>
Bits bits_of(const Field& field, const std::byte* from) {
  std::array<std::byte, sizeof(Bits)> bytes;
  std::memcpy(bytes.data(), from, sizeof(Bits));
  if (field.foreign_order) std::reverse(bytes.begin(), bytes.end());
  return std::bit_cast<Bits>(bytes);
}

bool is_exact(std::span<const Field> fields, const std::byte* from);

/// Whether JSON can say this element exactly.
bool is_exact_element(const Field& field, const std::byte* from) {
  switch (field.type) {
    case FieldType::structure:
      return is_exact(field.fields, from);
    case FieldType::boolean:
      return *from <= std::byte{1};
    case FieldType::f16:
      return (bits_of<std::uint16_t>(field, from) >> 10 & 31) != 31;
    case FieldType::f32:
      return std::isfinite(bits_of<float>(field, from));
    case FieldType::f64:
      return std::isfinite(bits_of<double>(field, from));
    case FieldType::text:
    case FieldType::character:
      return is_utf8({static_cast<const char*>(static_cast<const void*>(from)), field.size});
    default:
      return true;
  }
}

bool is_exact_field(const Field& field, const std::byte* from) {
  for (std::uint32_t i = 0; i < field.count; ++i) {
    if (!is_exact_element(field, from + std::size_t{i} * field.size)) return false;
  }
  return true;
}

bool is_exact(std::span<const Field> fields, const std::byte* from) {
  return std::ranges::all_of(fields,
                             [from](const Field& field) { return is_exact_field(field, from + field.offset); });
}

/// {"NAME": "TEXT"}. Braces alone would be an array for some compilers.
Object object_of(const char* name, std::string text) {
  Object object = Object::object();
  object[name] = std::move(text);
  return object;
}

Object schema_of_fields(std::span<const Field> fields);

/// Of an element, or of an array with the dimensions that are left.
Object schema_of_field(const Field& field, std::size_t dimensions) {
  if (dimensions > 0) {
    Object array = object_of("type", "array");
    array["items"] = schema_of_field(field, dimensions - 1);
    return array;
  }
  switch (field.type) {
    case FieldType::structure:
      return schema_of_fields(field.fields);
    case FieldType::boolean:
      return object_of("type", "boolean");
    case FieldType::text:
    case FieldType::character:
      return object_of("type", "string");
    case FieldType::f16:
    case FieldType::f32:
    case FieldType::f64:
      return object_of("type", "number");
    default:
      return object_of("type", "integer");
  }
}

Object schema_of_fields(std::span<const Field> fields) {
  Object schema = object_of("type", "object");
  Object& properties = schema["properties"] = Object::object();
  for (const Field& field : fields)
    properties[std::string{field.name}] = schema_of_field(field, field.shape.size());
  return schema;
}

std::string dumped(const Object& value) {
  return value.dump(-1, ' ', false, Object::error_handler_t::replace);
}

std::string bytes_object(std::span<const std::byte> message) {
  return dumped(object_of(bytes_member, to_base64(message)));
}

/// The text of the object's only member, if that is this one.
const std::string* only_member(const Object& object, const char* name) {
  if (!object.is_object() || object.size() != 1 || !object.contains(name)) return nullptr;
  return object[name].get_ptr<const std::string*>();
}

} // namespace

bool JsonMessages::possible() const {
  return std::ranges::none_of(schema_.fields(), [](const Field& field) { return field.name == bytes_member; });
}

std::string JsonMessages::json_schema() const {
  const Field& root = schema_.root();
  const bool is_object = has_fields() && root.type == FieldType::structure && root.shape.empty();
  Object schema = schema_of_fields(is_object ? root.fields : std::span<const Field>{});
  if (!schema_.name().empty()) schema["title"] = std::string{schema_.name()};
  if (has_fields() && !is_object) schema["properties"][value_member] = schema_of_field(root, root.shape.size());
  if (!has_fields()) schema["properties"][text_member] = object_of("type", "string");
  Object& bytes = schema["properties"][bytes_member] = object_of("type", "string");
  bytes["contentEncoding"] = "base64";
  return dumped(schema);
}

std::string JsonMessages::to_json(std::span<const std::byte> message) const {
  if (has_fields()) {
    auto value = decode(schema_, message);
    if (!value) return bytes_object(message);
    if (!value->is_object()) {
      Object wrapped = Object::object();
      wrapped[value_member] = std::move(*value);
      value = std::move(wrapped);
    }
    if (!is_exact_field(schema_.root(), message.data())) (*value)[bytes_member] = to_base64(message);
    return dumped(*value);
  }
  const std::string_view text{static_cast<const char*>(static_cast<const void*>(message.data())),
                              message.size()};
  if (!is_utf8(text)) return bytes_object(message);
  const Object value = Object::parse(text, nullptr, false);
  const bool goes_in_as_it_is = value.is_object() && only_member(value, text_member) == nullptr &&
                                only_member(value, bytes_member) == nullptr;
  return goes_in_as_it_is ? std::string{text} : dumped(object_of(text_member, std::string{text}));
}

std::string JsonMessages::to_bytes(std::string_view json) const {
  const Object value = Object::parse(json, nullptr, false);
  if (!value.is_object()) throw Failure{Exit::failure, "a message of the recording is no JSON object"};
  if (!has_fields()) {
    if (const auto* text = only_member(value, text_member)) return *text;
    if (const auto* bytes = only_member(value, bytes_member)) return from_base64(*bytes);
    return std::string{json};
  }
  const auto bytes = value.find(bytes_member);
  if (bytes != value.end() && bytes->is_string()) return from_base64(bytes->get_ref<const std::string&>());
  const Field& root = schema_.root();
  const bool is_wrapped = root.type != FieldType::structure || !root.shape.empty();
  if (!is_wrapped) return encode(schema_, json);
  if (!value.contains(value_member))
    throw Failure{Exit::failure, "a message of the recording has no \"value\""};
  return encode(schema_, dumped(value[value_member]));
}

} // namespace cli
