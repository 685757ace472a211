// SPDX-License-Identifier: BSL-1.0
//
// fields: messages of a channel that describes them, as JSON and back, and its fields as a table. Pure
// functions. A field is named by its path, "levels.0.price".
//
// Invariants
//   1. A message is read within its bytes, whatever the description is: one of another size than described has no fields.
#pragma once

#include "table.hpp"

#include <nlohmann/json_fwd.hpp>
#include <seqcast/schema.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cli {

/// The value of a message: an object, if it is a structure. Nothing if the schema does not describe it.
std::optional<nlohmann::ordered_json> decode(const seqcast::Schema& schema, std::span<const std::byte> message);

/// "bid=99.5 ask=100.5", or the value of a message that is no structure. Texts are in quotes.
std::string to_fields(const nlohmann::ordered_json& value);

/// The field of that path in a value; nothing if there is none.
std::optional<std::string> to_column(const nlohmann::ordered_json& value, std::string_view path);
/// Whether messages have a field of that path.
bool has_field(const seqcast::Schema& schema, std::string_view path);

/// The bytes of a message. Errors: throws Failure that names the field, and what was expected and found.
std::string encode(const seqcast::Schema& schema, std::string_view json);

/// All fields, in the order of their places: path, type, offset and bytes.
Table field_table(const seqcast::Schema& schema);
/// All fields, for `info --json`.
nlohmann::ordered_json fields_json(std::span<const seqcast::Field> fields);

} // namespace cli
