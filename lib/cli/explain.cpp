// SPDX-License-Identifier: BSL-1.0
#include "explain.hpp"

#include "channel.hpp"
#include "messages.hpp"
#include "platform/platform.hpp"
#include "units.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <cctype>
#include <filesystem>
#include <optional>
#include <sstream>
#include <vector>

namespace cli {

namespace {

using seqcast::Errc;

const char* words_of(Attempt attempt) {
  switch (attempt) {
    case Attempt::publish:
      return "publish to";
    case Attempt::subscribe:
      return "subscribe to";
    case Attempt::inspect:
      return "inspect";
    case Attempt::remove:
      break;
  }
  return "remove";
}

/// Whether it may be a name of the API: lock_memory, Wakeup::bell, BytePublisher, open(). A path is none.
bool is_identifier(const std::string& word) {
  if (word.find('/') != std::string::npos) return false;
  if (word.find("::") != std::string::npos || word.find("()") != std::string::npos) return true;
  for (std::size_t i = 0; i + 1 < word.size(); ++i) {
    const auto at = [&](std::size_t k) { return static_cast<unsigned char>(word[k]); };
    if (word[i] == '_' && std::isalpha(at(i + 1)) != 0) return true;
    if (std::islower(at(i)) != 0 && std::isupper(at(i + 1)) != 0) return true;
  }
  return false;
}

/// What the library says behind the place where it failed; nothing if there is a name of the API in it.
std::optional<std::string> cause_in(const seqcast::Error& error, const seqcast::Location& location) {
  const std::string& text = error.message();
  const std::string place = to_string(location);
  const std::size_t at = text.find(place);
  if (at == std::string::npos) return std::nullopt;
  const std::size_t begin = text.find_first_not_of(":., ", at + place.size());
  if (begin == std::string::npos) return std::nullopt;
  std::string cause = text.substr(begin);
  std::istringstream words{cause};
  for (std::string word; words >> word;) {
    if (is_identifier(word)) return std::nullopt;
  }
  cause.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(cause.front())));
  return cause;
}

std::string live_publisher_text(const seqcast::Location& location) {
  seqcast::Error none;
  const auto inspector = seqcast::Inspector::open(location, {.survive_truncation = true}, none);
  const std::uint64_t process = inspector ? inspector->status().publisher_process : 0;
  const std::string which = process == 0 ? "" : fmt::format(" (process {})", process);
  return "A live publisher" + which + " has it open. Stop that one first, or ";
}

std::string schema_text(const seqcast::ChannelIdentity& identity) {
  const seqcast::Schema schema = seqcast::Schema::stored(identity.schema_name, identity.schema_format);
  if (schema.empty()) return "a schema without a name";
  return "the schema " + printable(schema.problem().empty() ? schema.text() : schema.name());
}

/// In what a channel differs from the options, and how to go on.
std::string other_identity_text(const seqcast::Location& location, const seqcast::PublisherOptions& options) {
  constexpr const char* advice = "use another name, or put a new channel in its place by --replace";
  seqcast::Error none;
  const auto inspector = seqcast::Inspector::open(location, {.survive_truncation = true}, none);
  if (!inspector)
    return fmt::format("It is another channel than the options ask for. Leave them out, {}", advice);
  const seqcast::ChannelIdentity& found = inspector->identity();
  const bool has_schema = found.schema_tag != 0 || !found.schema_name.empty();
  const seqcast::Schema schema = seqcast::Schema::stored(found.schema_name, found.schema_format);
  const bool can_be_given = !schema.empty() && schema.problem().empty();
  if (has_schema && !can_be_given) {
    return fmt::format("Its messages have {}, which bytes cannot pass as: {}", schema_text(found), advice);
  }
  if (has_schema && options.schema.empty()) {
    return fmt::format(
        "Its messages have {}. With --schema '{}' you publish such messages, as JSON; otherwise {}",
        schema_text(found), printable(schema.text()), advice);
  }
  std::vector<std::string> differences;
  const auto compare = [&](const char* option, const auto& wanted, const auto& has) {
    if (wanted && *wanted != has) differences.push_back(fmt::format("{} {}, not {}", option, has, *wanted));
  };
  compare("--size", options.max_message_size, found.max_message_size);
  compare("--capacity", options.capacity, found.capacity);
  if (options.wakeup && *options.wakeup != found.wakeup) {
    differences.push_back(fmt::format("--wakeup {}, not {}", word_of(found.wakeup), word_of(*options.wakeup)));
  }
  if (options.max_blocking_time && !options.wakeup && found.wakeup != seqcast::Wakeup::bell) {
    differences.push_back(
        fmt::format("--wakeup {}, and --max-blocking-time needs bell", word_of(found.wakeup)));
  }
  if (!options.schema.empty() && !has_same_schema(found, options.schema)) {
    differences.push_back(
        fmt::format("{}, not {}", has_schema ? schema_text(found) : "no schema", options.schema));
  }
  if (differences.empty()) differences.emplace_back("other properties than the options ask for");
  return fmt::format("It has {}. Leave the options out, {}", fmt::join(differences, " and "), advice);
}

std::string invalid_location_text(const seqcast::Location& location) {
  if (location.kind() == seqcast::Location::Kind::file) return "That is no path of a file";
  return "That is no name in shared memory. Such a name has no slash, as for example ticker";
}

bool names_bell(const seqcast::Error& error) {
  return error.message().find("): its bell") != std::string::npos;
}

std::string no_permission_text(Attempt attempt, const seqcast::Error& error) {
  if (names_bell(error) && attempt == Attempt::subscribe) {
    return "Its bell, the file with .bell behind the name, is missing, or this user may not write it, "
           "as --reliable needs. Its publisher permits that by pub --bell-mode";
  }
  if (names_bell(error)) {
    return "This user may not open its bell, the file with .bell behind the name. Remove that, or use another "
           "name";
  }
  if (attempt == Attempt::publish) return "This user may not write to it. Use another name";
  return "This user may not read it. Its owner can permit that by chmod, or by pub --mode when the channel is "
         "made";
}

std::string too_large_text(const std::optional<std::uint64_t>& limit) {
  return fmt::format(
      "It would be larger than this process may make a file{}. Raise the limit by 'ulimit -f unlimited', "
      "or make the channel smaller by --capacity and --size",
      limit ? ", " + to_bytes(*limit) : "");
}

/// The tool's own sentences about the cause; nothing where the library's are better.
std::optional<std::string> own_text(Attempt attempt, const seqcast::Location& location,
                                    const seqcast::Error& error, const seqcast::PublisherOptions& options) {
  if (error == std::errc::file_too_large) return too_large_text(platform::limit_of(platform::Limit::file_size));
  if (attempt == Attempt::publish && error.code() == std::errc::no_such_file_or_directory) {
    std::error_code ignored;
    const bool there =
        std::filesystem::is_directory(std::filesystem::path{path_of(location)}.parent_path(), ignored);
    return there ? "Its folder is one that no file can be made in. Choose another one"
                 : "There is no such folder to make it in";
  }
  if (error.code() == std::errc::permission_denied && error != Errc::other_owner) {
    if (const auto cause = cause_in(error, location)) return cause;
    return no_permission_text(attempt, error);
  }
  if (error.code().category() != seqcast::error_category()) {
    if (attempt != Attempt::publish || cause_in(error, location) || !names_bell(error)) return std::nullopt;
    return fmt::format(
        "Its bell, the file with .bell behind the name, can be neither opened nor made ({}). Move "
        "away what is there, or use --wakeup polling",
        error.code().message());
  }
  switch (static_cast<Errc>(error.code().value())) {
    case Errc::invalid_location:
      return invalid_location_text(location);
    case Errc::invalid_options:
      if (options.max_blocking_time && options.wakeup && *options.wakeup != seqcast::Wakeup::bell)
        return "--max-blocking-time needs --wakeup bell";
      return "--capacity and --size together ask for more than the 64 TiB that a channel may have";
    case Errc::publisher_alive:
      return live_publisher_text(location) +
             (attempt == Attempt::remove ? "remove it nevertheless by --force" : "use another name");
    case Errc::other_owner:
      return "Another user owns it. Use another name";
    case Errc::not_reliable:
      return "Its publisher waits for no subscriber. Start it with pub --max-blocking-time SECONDS, "
             "or leave out --reliable";
    case Errc::wrong_identity:
      return other_identity_text(location, options);
    case Errc::damaged:
      return "It is damaged, as no publisher leaves it";
    case Errc::not_a_channel:
      if (cause_in(error, location)) return std::nullopt;
      return "Its bell would be the file with .bell behind the name, where something else is. Move that away, "
             "or "
             "use --wakeup polling";
    default:
      return std::nullopt;
  }
}

/// Whether a new channel may take the place of what was found there.
bool is_replaceable(const std::error_code& error) {
  for (const Errc code : {Errc::wrong_byte_order, Errc::wrong_version, Errc::wrong_geometry,
                          Errc::unknown_feature, Errc::damaged}) {
    if (error == code) return true;
  }
  return false;
}

std::string capitalised(std::string text) {
  if (!text.empty()) text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return text;
}

} // namespace

Failure refusal(Attempt attempt, const seqcast::Location& location, const seqcast::Error& error,
                const seqcast::PublisherOptions& options) {
  if (error == Errc::no_channel) return {Exit::not_found, no_channel_text(location)};
  // In quotes: a name may end with a full stop, or have spaces in it.
  const std::string name = location.name().empty() ? "" : to_name(location);
  auto cause = own_text(attempt, location, error, options);
  if (!cause) cause = cause_in(error, location);
  std::string text = fmt::format("cannot {} '{}'. {}", words_of(attempt), name,
                                 cause.value_or(capitalised(error.code().message())));
  if (attempt == Attempt::publish && is_replaceable(error.code())) {
    text += ". Use another name, or put a new channel in its place by --replace";
  }
  return {exit_for(error.code()), text};
}

bool has_same_schema(const seqcast::ChannelIdentity& found, std::string_view text) {
  return seqcast::Schema::stored(found.schema_name, found.schema_format).text() == seqcast::Schema{text}.text();
}

} // namespace cli
