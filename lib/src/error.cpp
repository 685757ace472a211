// SPDX-License-Identifier: BSL-1.0
//
// error: the texts of codes and enumerators, and how failures are thrown and translated.
#include "failure.hpp"

#include <seqcast/detail/region.hpp>

#include <new>
#include <stdexcept>

namespace seqcast::inline v1 {

namespace {

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override {
    return "seqcast";
  }

  std::string message(int value) const override {
    switch (static_cast<Errc>(value)) {
      case Errc::no_channel:
        return "no channel there yet";
      case Errc::invalid_location:
        return "not a name for a channel";
      case Errc::invalid_options:
        return "options that no channel can have";
      case Errc::not_a_regular_file:
        return "not a regular file";
      case Errc::not_a_channel:
        return "not a seqcast channel";
      case Errc::wrong_byte_order:
        return "channel of another byte order";
      case Errc::wrong_version:
        return "channel of another format version";
      case Errc::wrong_geometry:
        return "channel whose header contradicts itself or its file";
      case Errc::unknown_feature:
        return "channel with a feature unknown to this version";
      case Errc::wrong_identity:
        return "channel of another identity";
      case Errc::damaged:
        return "damaged channel";
      case Errc::publisher_alive:
        return "the channel has a live publisher";
      case Errc::lock_obstructed:
        return "a process that is no publisher holds a lock on the channel";
      case Errc::other_owner:
        return "the channel belongs to another user";
      case Errc::build_mismatch:
        return "seqcast headers and library are of different builds";
      case Errc::overrun:
        return "overrun by the publisher; try again";
      case Errc::corrupt:
        return "corrupt channel";
      case Errc::wrong_size:
        return "message of an impossible size";
      case Errc::buffer_too_small:
        return "message longer than the buffer";
      case Errc::truncated:
        return "the channel's file was truncated; nothing more can be read from it";
      case Errc::not_reliable:
        return "the channel's publisher waits for no subscriber";
      case Errc::no_entry:
        return "the channel has as many reliable subscribers as it can have";
      case Errc::demoted:
        return "the publisher no longer waits for this subscriber";
    }
    return "unknown seqcast error " + std::to_string(value);
  }

  std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<Errc>(value)) {
      case Errc::no_channel:
        return std::errc::no_such_file_or_directory;
      case Errc::invalid_location:
      case Errc::invalid_options:
        return std::errc::invalid_argument;
      case Errc::publisher_alive:
      case Errc::lock_obstructed:
        return std::errc::device_or_resource_busy;
      case Errc::other_owner:
        return std::errc::permission_denied;
      case Errc::buffer_too_small:
        return std::errc::message_size;
      default:
        return {value, *this};
    }
  }
};

} // namespace

const std::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

const char* to_string(ChannelState state) noexcept {
  switch (state) {
    case ChannelState::live:
      return "live";
    case ChannelState::no_publisher:
      return "no publisher";
    case ChannelState::closed:
      return "closed";
    case ChannelState::superseded:
      return "superseded";
  }
  return "unknown";
}

const char* to_string(WaitResult result) noexcept {
  switch (result) {
    case WaitResult::message:
      return "message";
    case WaitResult::timeout:
      return "timeout";
    case WaitResult::closed:
      return "closed";
    case WaitResult::no_publisher:
      return "no publisher";
    case WaitResult::superseded:
      return "superseded";
    case WaitResult::stopped:
      return "stopped";
  }
  return "unknown";
}

const char* to_string(Wakeup wakeup) noexcept {
  switch (wakeup) {
    case Wakeup::bell:
      return "bell";
    case Wakeup::every_message:
      return "every message";
    case Wakeup::polling:
      return "polling";
  }
  return "unknown";
}

std::string to_string(const Location& location) {
  std::string text = location.kind() == Location::Kind::file ? "file(\"" : "shared_memory(\"";
  for (const char byte : location.name()) {
    if (byte == '"' || byte == '\\') text += '\\';
    if (static_cast<unsigned char>(byte) >= ' ' && byte != '\x7F') {
      text += byte;
    } else { // as octal, which ends after three digits
      for (const int shift : {9, 6, 3, 0})
        text += shift == 9 ? '\\' : static_cast<char>('0' + ((byte >> shift) & 7));
    }
  }
  return text + "\")";
}

namespace detail {

void fail(std::error_code code, std::string text) {
  if (code.category() != error_category()) text += " (" + code.message() + ")";
  throw Failure{code, std::move(text)};
}

void translate(const std::system_error& failure, Error& error) noexcept {
  try {
    error = {failure.code(), failure.what()};
  } catch (const std::bad_alloc&) {
    error = {failure.code(), {}};
  }
}

void raise_partial_batch(std::size_t bytes, std::size_t size) {
  throw std::length_error{"seqcast: " + std::to_string(bytes) + " bytes are no whole number of messages of " +
                          std::to_string(size) + " bytes; nothing was published"};
}

void raise_stale_loan() {
  throw std::logic_error{
      "seqcast: the loan was committed or moved from, or another message was published since loan(); nothing "
      "was "
      "published"};
}

} // namespace detail

} // namespace seqcast::inline v1
