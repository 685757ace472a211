// SPDX-License-Identifier: BSL-1.0
//
// json_message: the messages of a recording made with --json, which Foxglove and PlotJuggler read: JSON
// objects with a JSON schema. And the way back to the bytes. Pure functions.
//
// A message with fields is the object of its fields, as 'sub --json' prints it; one that is a single value or
// an array is {"value": ...}. Where JSON cannot say it exactly (a number that is infinite or none, a text
// that is no UTF-8, a bool that is neither 0 nor 1), the object also has the member "base64", all bytes of
// the message. A message without fields is the object that it is, or {"text": "..."}, or {"base64": "..."}.
//
// Invariants
//   1. to_bytes(to_json(message)) is the message; only its padding bytes may become zero.
#pragma once

#include <seqcast/schema.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace cli {

class JsonMessages {
 public:
  /// Keeps a reference to the schema.
  explicit JsonMessages(const seqcast::Schema& schema) : schema_{schema} {}

  /// Whether messages can be converted: not if they have a field "base64".
  bool possible() const;
  /// The JSON schema of the objects.
  std::string json_schema() const;
  /// The message as an object, in UTF-8.
  std::string to_json(std::span<const std::byte> message) const;
  /// The message again. Errors: throws Failure that says what is wrong with the JSON.
  std::string to_bytes(std::string_view json) const;

 private:
  bool has_fields() const {
    return schema_.root().size > 0;
  }
  const seqcast::Schema& schema_;
};

} // namespace cli
