// SPDX-License-Identifier: BSL-1.0
//
// schema_fuzz: any bytes are read as a schema, as a user gives it and as a channel has it, between guard pages.
//
// For all bytes: no access outside them, no field outside the message, and what was read is written in a way
// that is read as the same.
#include <seqcast/schema.hpp>
#include "support/guarded_memory.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

void check_fields(std::span<const seqcast::Field> fields, std::uint64_t size, int depth) {
  require(depth <= 16, "the depth is bounded");
  std::uint64_t end = 0;
  for (const seqcast::Field& field : fields) {
    std::uint64_t count = 1;
    for (const std::uint32_t length : field.shape) count *= length;
    require(count == field.count && field.shape.size() <= 8, "the count is that of the shape");
    require(field.offset >= end && field.size > 0, "fields do not overlap");
    end = field.offset + std::uint64_t{field.size} * field.count;
    require(end <= size, "a field lies in its structure");
    require(!field.name.empty(), "a field has a name");
    check_fields(field.fields, field.size, depth + 1);
  }
}

void check(const seqcast::Schema& schema) {
  const seqcast::Field& root = schema.root();
  require(std::uint64_t{root.size} * root.count <= std::uint64_t{1} << 31, "a message is bounded");
  check_fields(root.fields, root.size, 1);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t most = 8192;
  static const test::GuardedMemory memory{most};
  if (size > most) return 0;
  const std::span<std::byte> bytes = memory.bytes().last(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  const std::string_view text{static_cast<const char*>(static_cast<const void*>(bytes.data())), size};

  const seqcast::Schema stored = seqcast::Schema::stored("fuzz", text);
  check(stored);
  require(stored.problem().empty() == (size == 0 || stored.root().size > 0), "a problem, or a message");

  seqcast::Error error;
  const auto given = seqcast::Schema::parse(text, error);
  if (!given) return 0;
  check(*given);
  const auto again = seqcast::Schema::parse(given->text(), error);
  require(again && again->name() == given->name() && again->format() == given->format() &&
              again->tag() == given->tag() && again->text() == given->text(),
          "a schema's own text gives the same");
  const seqcast::Schema in_channel = seqcast::Schema::stored(given->name(), given->format());
  require(in_channel.problem().empty() && in_channel.text() == given->text(), "a channel gives the same");
  return 0;
}
