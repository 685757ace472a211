// SPDX-License-Identifier: BSL-1.0
//
// c: the C interface over the C++ classes. Each function checks its arguments, calls one function of a class, and
// makes a code of what that gives or throws.
//
// Invariants
//   1. No std::exception leaves a function. Nothing is noexcept, and nothing else is caught: the cancellation of
//      a thread that waits is no std::exception, and passes.
//   2. A struct of the caller's is read and written within its struct_size.
//   3. Nothing has changed when a function gives SEQCAST_INVALID_ARGUMENT.
#include <seqcast/seqcast.h>
#include <seqcast/seqcast.hpp>

#include <algorithm>
#include <cerrno>

using namespace seqcast;

// Complete here only. Derived, for the protected members that publish and read without a second check.

struct seqcast_publisher : BytePublisher {
  using BytePublisher::BytePublisher;

  int publish_one(const void* data, std::size_t size, std::uint64_t* sequence) noexcept {
    if (!takes(size)) return refuse(size);
    published(publish_bytes(static_cast<const std::byte*>(data), static_cast<std::uint32_t>(size)), sequence);
    return SEQCAST_OK;
  }

  int try_publish_one(const void* data, std::size_t size, std::uint64_t* sequence) noexcept {
    if (!takes(size)) return refuse(size);
    if (!has_room()) return SEQCAST_WOULD_WAIT;
    return publish_one(data, size, sequence);
  }

  int publish_gathered(std::span<const seqcast_piece> pieces, std::uint64_t* sequence) noexcept {
    std::size_t size = 0;
    for (const seqcast_piece& piece : pieces) {
      if (piece.data == nullptr && piece.size > 0) return SEQCAST_INVALID_ARGUMENT;
      size = bounded_sum(size, piece.size);
    }
    if (!takes(size)) return refuse(size);
    const auto gather = [pieces](Word* payload) {
      detail::PayloadGatherer<detail::HardwarePolicy> gatherer{payload};
      for (const seqcast_piece& piece : pieces)
        gatherer.append({static_cast<const std::byte*>(piece.data), piece.size});
      gatherer.finish();
    };
    published(publish_with(static_cast<std::uint32_t>(size), gather), sequence);
    return SEQCAST_OK;
  }

  int publish_several(const void* data, std::size_t size, std::size_t count, std::uint64_t* sequence) noexcept {
    if (!takes(size)) return refuse(size);
    const auto* const first = static_cast<const std::byte*>(data);
    published(AnyPublisher::publish_batch(first, static_cast<std::uint32_t>(size), count), sequence);
    return SEQCAST_OK;
  }

  int skip_several(std::uint64_t count, std::uint64_t* sequence) {
    if (!gaps()) return SEQCAST_NO_GAPS;
    if (!can_skip(count)) return SEQCAST_INVALID_ARGUMENT;
    published(skip(count), sequence);
    return SEQCAST_OK;
  }

  void* lend() noexcept {
    loaned_ = head() + 1;
    return BytePublisher::loan().bytes().data();
  }

  int commit_loan(std::size_t size, std::uint64_t* sequence) noexcept {
    if (loaned_ != head() + 1) return SEQCAST_STALE_LOAN;
    if (!takes(size)) return refuse(size);
    const auto in_place = [](Word*) {};
    published(publish_with(static_cast<std::uint32_t>(size), in_place), sequence);
    return SEQCAST_OK;
  }

  /// The code of a message that the channel does not take.
  int size_code() const noexcept {
    return has_fixed_size() ? SEQCAST_NOT_OF_SCHEMA : SEQCAST_TOO_LONG;
  }
  /// Throws what explains the last message that was refused for its size; returns if none was.
  void raise_refused() const {
    if (refused_size_) raise_wrong_size(*refused_size_);
  }

 private:
  [[gnu::cold]] int refuse(std::size_t size) noexcept {
    refused_size_ = size;
    return size_code();
  }
  static void published(std::uint64_t sequence, std::uint64_t* result) noexcept {
    if (result != nullptr) *result = sequence;
  }

  std::uint64_t loaned_ = 0;                // the sequence of the message that was lent; 0: none was
  std::optional<std::size_t> refused_size_; // of the last message that was refused for its size
};

struct seqcast_subscriber : ByteSubscriber {
  using ByteSubscriber::ByteSubscriber;

  int next_into(std::byte* buffer, std::size_t size, seqcast_message& message) noexcept {
    return report(ring_.next(detail::BufferDestination{buffer, size}), buffer, message);
  }
  int latest_into(std::byte* buffer, std::size_t size, seqcast_message& message) noexcept {
    return report(ring_.latest(detail::BufferDestination{buffer, size}), buffer, message);
  }
  int next_several(std::byte* buffer, std::uint32_t size, std::size_t capacity, seqcast_batch& batch) noexcept {
    const BatchDelivery found = next_batch({buffer, capacity * size}, size);
    if (found) {
      batch.count = found.count;
      batch.size = size;
      batch.sequence = found.sequence;
      batch.lost = found.lost;
      return SEQCAST_OK;
    }
    const std::error_code why = error();
    if (!why) return SEQCAST_NOTHING_NEW;
    if (why == Errc::buffer_too_small) batch.size = needed_size();
    return why.value();
  }
  /// Calls `read`, which gives a code, until that is a message's; waits in between.
  template <class Read>
  int wait_and(const Read& read, std::chrono::nanoseconds timeout, const std::stop_token& stop);
  int view_next(seqcast_message& message) noexcept {
    return report_view(ring_.view(in_place), message);
  }
  int view_latest(seqcast_message& message) noexcept {
    return report_view(ring_.latest_view(in_place), message);
  }
  /// Whether it is still the message that a view has given.
  int validate_view(const seqcast_message& message) noexcept {
    if (message.sequence == 0 || message.sequence >= detail::sequence_limit) return SEQCAST_INVALID_ARGUMENT;
    const bool here = payload_of(message.sequence) == message.data; // it is not after a move to another region
    const detail::ReadResult viewed{.status = detail::ReadStatus::message, .sequence = message.sequence};
    return here && ring_.validate(viewed) ? SEQCAST_OK : SEQCAST_OVERRUN;
  }
  std::byte* own_buffer() const noexcept {
    return buffer_;
  }

 private:
  static constexpr detail::BufferDestination in_place{nullptr, detail::largest_message_size};

  const void* payload_of(std::uint64_t sequence) const noexcept {
    return detail::message_at<std::byte>(ring_.payload_of(sequence));
  }
  int report(const detail::ReadResult& read, const void* data, seqcast_message& message) noexcept {
    if (is_message(read)) [[likely]] {
      fill(message, read, data);
      return SEQCAST_OK;
    }
    return report_none(message);
  }
  int report_view(const detail::ReadResult& read, seqcast_message& message) noexcept {
    return report(read, payload_of(read.sequence), message);
  }
  [[gnu::noinline]] int report_none(seqcast_message& message) const noexcept;
  static void fill(seqcast_message& message, const detail::ReadResult& read, const void* data) noexcept {
    message.data = data;
    message.size = read.size;
    message.sequence = read.sequence;
    message.lost = read.lost;
    message.published_at_ns = detail::time_point_of(read.time_ns) ? read.time_ns : 0;
  }
};

struct seqcast_stop_source : std::stop_source {};
struct seqcast_poll_descriptor : PollDescriptor {};
struct seqcast_inspector : Inspector {
  using Inspector::Inspector;
};
struct seqcast_list {
  std::vector<Location> locations;
};

namespace {

// What C calls by a number is that number.
static_assert(SEQCAST_VERSION == SEQCAST_LIBRARY_VERSION,
              "seqcast.h and CMakeLists.txt name different versions");
constexpr bool same(int number, Errc error) {
  return number == static_cast<int>(error);
}
static_assert(same(SEQCAST_NO_CHANNEL, Errc::no_channel));
static_assert(same(SEQCAST_INVALID_LOCATION, Errc::invalid_location));
static_assert(same(SEQCAST_INVALID_OPTIONS, Errc::invalid_options));
static_assert(same(SEQCAST_NOT_A_REGULAR_FILE, Errc::not_a_regular_file));
static_assert(same(SEQCAST_NOT_A_CHANNEL, Errc::not_a_channel));
static_assert(same(SEQCAST_WRONG_BYTE_ORDER, Errc::wrong_byte_order));
static_assert(same(SEQCAST_WRONG_VERSION, Errc::wrong_version));
static_assert(same(SEQCAST_WRONG_GEOMETRY, Errc::wrong_geometry));
static_assert(same(SEQCAST_UNKNOWN_FEATURE, Errc::unknown_feature));
static_assert(same(SEQCAST_WRONG_IDENTITY, Errc::wrong_identity));
static_assert(same(SEQCAST_DAMAGED, Errc::damaged));
static_assert(same(SEQCAST_PUBLISHER_ALIVE, Errc::publisher_alive));
static_assert(same(SEQCAST_LOCK_OBSTRUCTED, Errc::lock_obstructed));
static_assert(same(SEQCAST_OTHER_OWNER, Errc::other_owner));
static_assert(same(SEQCAST_BUILD_MISMATCH, Errc::build_mismatch));
static_assert(same(SEQCAST_OVERRUN, Errc::overrun));
static_assert(same(SEQCAST_CORRUPT, Errc::corrupt));
static_assert(same(SEQCAST_WRONG_SIZE, Errc::wrong_size));
static_assert(same(SEQCAST_BUFFER_TOO_SMALL, Errc::buffer_too_small));
static_assert(same(SEQCAST_TRUNCATED, Errc::truncated));
static_assert(same(SEQCAST_NOT_RELIABLE, Errc::not_reliable));
static_assert(same(SEQCAST_NO_ENTRY, Errc::no_entry));
static_assert(same(SEQCAST_DEMOTED, Errc::demoted));

/// A mistake of the caller's, with its explanation.
struct InvalidArgument : std::exception {
  explicit InvalidArgument(const char* what) : text{what} {}
  const char* what() const noexcept override {
    return text;
  }
  const char* text;
};

void require(bool holds, const char* text) {
  if (!holds) throw InvalidArgument{text};
}

constexpr const char* null_pointer = "a pointer is null that must not be";

/// Errors: throws InvalidArgument if one of them is null.
template <class... Pointer>
void require_given(Pointer... pointers) {
  require(((pointers != nullptr) && ...), null_pointer);
}

/// A seqcast_code, or the system's errno with a minus.
int code_of(const std::error_code& error) noexcept {
  if (error.category() == error_category()) return error.value();
  const std::error_condition condition = error.default_error_condition(); // Windows has numbers of its own
  if (condition.category() == std::generic_category()) return -condition.value();
  return SEQCAST_UNEXPECTED;
}

/// The part of a text that fits into `capacity` bytes, without half a character of UTF-8 at its end.
std::string_view cut(std::string_view text, std::size_t capacity) noexcept {
  if (text.size() <= capacity) return text;
  const auto continues = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; };
  while (capacity > 0 && continues(capacity)) --capacity;
  return text.substr(0, capacity);
}

// The first release's sizes: a struct is never smaller.
constexpr std::size_t first_error_size = 32, first_message_size = 48, first_batch_size = 40;

bool usable(const seqcast_error* error) noexcept {
  return error == nullptr || (error->struct_size >= first_error_size && error->struct_size % 8 == 0);
}

void explain(seqcast_error* error, std::string_view text) noexcept {
  if (error == nullptr) return;
  error->text_size = text.size();
  if (error->text == nullptr || error->text_capacity == 0) return;
  const std::string_view fitting = cut(text, error->text_capacity - 1);
  std::copy(fitting.begin(), fitting.end(), error->text);
  error->text[fitting.size()] = '\0';
}

/// Gives what `call` gives, or the code of what it throws, whose text goes into `error`; that may be null.
template <class Call>
int guarded(seqcast_error* error, const Call& call) {
  if (!usable(error)) return SEQCAST_INVALID_ARGUMENT;
  try {
    const int code = call();
    explain(error, {});
    return code;
  } catch (const InvalidArgument& mistake) {
    explain(error, mistake.what());
    return SEQCAST_INVALID_ARGUMENT;
  } catch (const std::system_error& failure) {
    explain(error, failure.what());
    return code_of(failure.code());
  } catch (const std::bad_alloc&) {
    explain(error, "there is not enough memory");
    return -ENOMEM;
  } catch (const std::exception& other) {
    explain(error, other.what());
    return SEQCAST_UNEXPECTED;
  }
}

/// A copy of a struct of the caller's: all zero if there is none, and what lies beyond its size is zero.
/// Errors: throws InvalidArgument if it has something set that this library does not have.
template <class Options>
Options read_options(const Options* given) {
  // No bytes between members and at the end: what is added later lies behind what is there now.
  static_assert(std::has_unique_object_representations_v<Options> && sizeof(Options) % 8 == 0);
  Options options{};
  if (given == nullptr) return options;
  const std::size_t size = given->struct_size;
  require(size >= sizeof(std::size_t) && size % 8 == 0,
          "struct_size of the options is not the size of a struct");
  const void* const from = given;
  std::memcpy(&options, from, std::min(size, sizeof options));
  const std::span bytes{static_cast<const unsigned char*>(from), size};
  const auto unknown = bytes.subspan(std::min(size, sizeof options));
  require(std::all_of(unknown.begin(), unknown.end(), [](unsigned char byte) { return byte == 0; }),
          "an option is set that this library does not have: the program was compiled for a newer one");
  return options;
}

/// Copies as much of `info` to the caller's as that has room for, and keeps its struct_size.
template <class Info>
void write_info(Info* to, Info info) {
  static_assert(std::has_unique_object_representations_v<Info> && sizeof(Info) % 8 == 0);
  require_given(to);
  const std::size_t size = to->struct_size;
  require(size >= sizeof(std::size_t) && size % 8 == 0, "struct_size is not the size of a struct");
  info.struct_size = size;
  void* const target = to;
  std::memcpy(target, &info, std::min(size, sizeof info));
}

bool switch_of(std::uint32_t value) {
  require(value <= 1, "a switch is 0 or 1");
  return value == 1;
}

std::optional<bool> optional_switch_of(std::uint32_t value) {
  require(value <= SEQCAST_OFF, "a seqcast_switch has a value that does not exist");
  if (value == SEQCAST_UNSET) return std::nullopt;
  return value == SEQCAST_ON;
}

template <class Number>
std::optional<Number> unless_zero(Number value) noexcept {
  return value != 0 ? std::optional<Number>{value} : std::nullopt;
}

/// The enumerator of this number, the last of which is `last`.
template <class Enumeration>
Enumeration enumerator_of(std::uint32_t value, Enumeration last, const char* what) {
  require(value <= static_cast<std::uint32_t>(last), what);
  return static_cast<Enumeration>(value);
}

std::optional<Wakeup> wakeup_of(std::uint32_t value) {
  require(value <= SEQCAST_WAKEUP_POLLING, "wakeup has a value that does not exist");
  if (value == SEQCAST_WAKEUP_UNSET) return std::nullopt;
  return static_cast<Wakeup>(value - SEQCAST_WAKEUP_BELL);
}
constexpr std::uint32_t number_of(Wakeup wakeup) noexcept {
  return static_cast<std::uint32_t>(wakeup) + SEQCAST_WAKEUP_BELL;
}
static_assert(number_of(Wakeup::bell) == SEQCAST_WAKEUP_BELL);
static_assert(number_of(Wakeup::every_message) == SEQCAST_WAKEUP_EVERY_MESSAGE);
static_assert(number_of(Wakeup::polling) == SEQCAST_WAKEUP_POLLING);

constexpr std::uint32_t number_of(ChannelState state) noexcept {
  return static_cast<std::uint32_t>(state);
}
static_assert(number_of(ChannelState::live) == SEQCAST_STATE_LIVE);
static_assert(number_of(ChannelState::no_publisher) == SEQCAST_STATE_NO_PUBLISHER);
static_assert(number_of(ChannelState::closed) == SEQCAST_STATE_CLOSED);
static_assert(number_of(ChannelState::superseded) == SEQCAST_STATE_SUPERSEDED);

static_assert(static_cast<int>(StartPosition::newest) == SEQCAST_START_NEWEST);
static_assert(static_cast<int>(StartPosition::oldest) == SEQCAST_START_OLDEST);
static_assert(static_cast<int>(ResumePosition::half) == SEQCAST_RESUME_HALF);
static_assert(static_cast<int>(ResumePosition::newest) == SEQCAST_RESUME_NEWEST);
static_assert(static_cast<int>(ResumePosition::oldest) == SEQCAST_RESUME_OLDEST);
static_assert(static_cast<int>(WaitStrategy::spin_then_sleep) == SEQCAST_SPIN_THEN_SLEEP);
static_assert(static_cast<int>(WaitStrategy::sleep) == SEQCAST_SLEEP);
static_assert(static_cast<int>(WaitStrategy::yield) == SEQCAST_YIELD);
static_assert(static_cast<int>(WaitStrategy::spin) == SEQCAST_SPIN);

std::string_view text_of(const seqcast_string& text) {
  require(text.data != nullptr || text.size == 0, null_pointer);
  if (text.size == SEQCAST_ZERO_TERMINATED) return text.data;
  return {text.data, text.size};
}
seqcast_string string_of(const std::string& text) noexcept {
  return {text.c_str(), text.size()};
}

Location location_of(const seqcast_location* where) {
  require_given(where);
  require(where->reserved == 0, "reserved is not 0");
  std::string name{text_of(where->name)};
  if (where->kind == SEQCAST_FILE) return file(std::move(name));
  require(where->kind == SEQCAST_SHARED_MEMORY, "the location's kind is none of seqcast_kind");
  return shared_memory(std::move(name));
}

/// No time is 0: the machine's start, at which nobody publishes.
std::uint64_t nanoseconds_of(const std::optional<std::chrono::steady_clock::time_point>& time) noexcept {
  if (!time) return 0;
  const std::chrono::nanoseconds since = time->time_since_epoch();
  return static_cast<std::uint64_t>(since.count());
}

std::chrono::nanoseconds timeout_of(std::int64_t timeout_ns) noexcept {
  return timeout_ns < 0 ? (std::chrono::nanoseconds::max)() : std::chrono::nanoseconds{timeout_ns};
}

std::stop_token token_of(const seqcast_stop_source* stop) noexcept {
  return stop != nullptr ? stop->get_token() : std::stop_token{};
}

int code_of(WaitResult result) noexcept {
  switch (result) {
    case WaitResult::message:
      return SEQCAST_OK;
    case WaitResult::timeout:
      return SEQCAST_TIMEOUT;
    case WaitResult::closed:
      return SEQCAST_CLOSED;
    case WaitResult::no_publisher:
      return SEQCAST_NO_PUBLISHER;
    case WaitResult::superseded:
      return SEQCAST_SUPERSEDED;
    case WaitResult::stopped:
      return SEQCAST_STOPPED;
  }
  return SEQCAST_UNEXPECTED;
}

/// Fails unless the program's header and this library go together.
void check_version(std::uint32_t header) {
  constexpr std::uint32_t major = 1'000'000, minor = 1'000;
  const std::uint32_t unit = SEQCAST_VERSION < major ? minor : major; // before 1.0 minor numbers count too
  if (header / unit == SEQCAST_VERSION / unit) return;
  const auto text = [](std::uint32_t version) {
    return std::to_string(version / major) + "." + std::to_string(version % major / minor) + "." +
           std::to_string(version % minor);
  };
  throw std::system_error{Errc::build_mismatch, "the program was compiled with seqcast.h of version " +
                                                    text(header) + ", and runs with the library of version " +
                                                    text(SEQCAST_VERSION) + ". Rebuild one of them"};
}

PublisherOptions options_of(const seqcast_publisher_options* given) {
  const seqcast_publisher_options options = read_options(given);
  require(options.reserved == 0 && options.reserved_2 == 0, "reserved is not 0");
  return {.capacity = unless_zero(options.capacity),
          .max_message_size = unless_zero(options.max_message_size),
          .message_alignment = unless_zero(options.message_alignment),
          .schema = text_of(options.schema),
          .timestamps = optional_switch_of(options.timestamps),
          .copy_behind = optional_switch_of(options.copy_behind),
          .gaps = optional_switch_of(options.gaps),
          .wakeup = wakeup_of(options.wakeup),
          .max_blocking_time = options.max_blocking_time_ns != 0
                                   ? std::optional{timeout_of(options.max_blocking_time_ns)}
                                   : std::nullopt,
          .bell_mode = unless_zero(options.bell_mode),
          .lock_memory = switch_of(options.lock_memory),
          .mode = options.mode != 0 ? options.mode : PublisherOptions{}.mode,
          .replace = switch_of(options.replace),
          .remove_on_close = switch_of(options.remove_on_close),
          .allow_other_owner = switch_of(options.allow_other_owner)};
}

SubscriberOptions options_of(const seqcast_subscriber_options* given) {
  const seqcast_subscriber_options options = read_options(given);
  require(options.reserved == 0, "reserved is not 0");
  return {
      .start = enumerator_of(options.start, StartPosition::oldest, "start has a value that does not exist"),
      .resume = enumerator_of(options.resume, ResumePosition::oldest, "resume has a value that does not exist"),
      .strategy =
          enumerator_of(options.strategy, WaitStrategy::spin, "strategy has a value that does not exist"),
      .open_timeout = timeout_of(options.open_timeout_ns),
      .follow = switch_of(options.follow),
      .reliable = switch_of(options.reliable),
      .lock_memory = switch_of(options.lock_memory),
      .survive_truncation = switch_of(options.survive_truncation)};
}

InspectorOptions options_of(const seqcast_inspector_options* given) {
  const seqcast_inspector_options options = read_options(given);
  require(options.reserved == 0, "reserved is not 0");
  return {.survive_truncation = switch_of(options.survive_truncation)};
}

/// Opens a handle: what the open functions have in common.
template <class Handle, class Options>
int open_handle(std::uint32_t header_version, const seqcast_location* where, const Options* options,
                Handle** handle, seqcast_error* error) {
  if (handle != nullptr) *handle = nullptr;
  return guarded(error, [&] {
    require_given(handle);
    check_version(header_version); // first: with another header the options may be another structure
    *handle = new Handle{location_of(where), options_of(options)};
    return SEQCAST_OK;
  });
}

/// Whether there is a message to be filled, as much as the first release has of it.
bool fillable(const seqcast_message* message) noexcept {
  return message != nullptr && message->struct_size >= first_message_size;
}

std::vector<AnySubscriber*> list_of(seqcast_subscriber* const* subscribers, std::size_t count) {
  require(subscribers != nullptr || count == 0, null_pointer);
  std::vector<AnySubscriber*> list;
  list.reserve(count);
  for (seqcast_subscriber* const subscriber : std::span{subscribers, count}) {
    require_given(subscriber);
    list.push_back(subscriber);
  }
  return list;
}

// A file descriptor, or on Windows a HANDLE.
[[maybe_unused]] std::intptr_t native_of(int descriptor) noexcept {
  return descriptor;
}
[[maybe_unused]] std::intptr_t native_of(void* handle) noexcept {
  return std::bit_cast<std::intptr_t>(handle);
}

/// The text of a code, as C++ has it where C++ has the code.
std::string text_of_code(int code) {
  if (code < 0) return std::generic_category().message(-code);
  switch (code) {
    case SEQCAST_OK:
      return "success";
    case SEQCAST_NOTHING_NEW:
      return "nothing new";
    case SEQCAST_TIMEOUT:
      return "the time is over";
    case SEQCAST_CLOSED:
      return "the publisher has closed the channel";
    case SEQCAST_NO_PUBLISHER:
      return "the publisher has died";
    case SEQCAST_SUPERSEDED:
      return "another region, or none, is behind the channel's name";
    case SEQCAST_STOPPED:
      return "stopped by the stop source";
    case SEQCAST_WOULD_WAIT:
      return "a reliable subscriber is in the way; nothing was published";
    case SEQCAST_INVALID_ARGUMENT:
      return "an argument is null, has a wrong struct_size, or is a number that does not exist";
    case SEQCAST_TOO_LONG:
      return "the message is longer than the channel's max_message_size; nothing was published";
    case SEQCAST_NOT_OF_SCHEMA:
      return "the message has another size than those of the channel's schema; nothing was published";
    case SEQCAST_NO_GAPS:
      return "the channel was created without the option gaps, so that no sequence can be skipped";
    case SEQCAST_STALE_LOAN:
      return "there is no loan, or another message was published since; nothing was published";
    case SEQCAST_UNEXPECTED:
      return "an unexpected exception";
    default:
      return error_category().message(code);
  }
}

} // namespace

template <class Read>
int seqcast_subscriber::wait_and(const Read& read, std::chrono::nanoseconds timeout,
                                 const std::stop_token& stop) {
  int code = SEQCAST_OK;
  const auto is_read = [&] {
    code = read();
    return code == SEQCAST_OK;
  };
  if (read_for(timeout, stop, is_read) || wait_result() == WaitResult::message) return code;
  return code_of(wait_result());
}

int seqcast_subscriber::report_none(seqcast_message& message) const noexcept {
  const std::error_code why = error();
  if (!why) return SEQCAST_NOTHING_NEW;
  if (why == Errc::buffer_too_small) message.size = needed_size();
  return why.value();
}

// The functions, in the header's order. Those that are called for each message are flattened: with several callers in
// one file, compilers leave the ring's functions out of line, and 48 bytes then take twice the time.

std::uint32_t seqcast_version() {
  return SEQCAST_VERSION;
}

std::uint64_t seqcast_clock_ns() {
  return detail::HardwarePolicy::now();
}

int seqcast_explain(int code, seqcast_error* error) {
  return guarded(nullptr, [&] {
    require(error != nullptr && usable(error), "");
    explain(error, text_of_code(code));
    return SEQCAST_OK;
  });
}

int seqcast_publisher_open(std::uint32_t header_version, const seqcast_location* where,
                           const seqcast_publisher_options* options, seqcast_publisher** publisher,
                           seqcast_error* error) {
  return open_handle(header_version, where, options, publisher, error);
}

void seqcast_publisher_close(seqcast_publisher* publisher) {
  delete publisher;
}

[[gnu::flatten]] int seqcast_publish(seqcast_publisher* publisher, const void* data, std::size_t size,
                                     std::uint64_t* sequence) {
  if (publisher == nullptr || (data == nullptr && size > 0)) return SEQCAST_INVALID_ARGUMENT;
  return publisher->publish_one(data, size, sequence);
}

[[gnu::flatten]] int seqcast_try_publish(seqcast_publisher* publisher, const void* data, std::size_t size,
                                         std::uint64_t* sequence) {
  if (publisher == nullptr || (data == nullptr && size > 0)) return SEQCAST_INVALID_ARGUMENT;
  return publisher->try_publish_one(data, size, sequence);
}

int seqcast_publish_pieces(seqcast_publisher* publisher, const seqcast_piece* pieces, std::size_t count,
                           std::uint64_t* sequence) {
  if (publisher == nullptr || (pieces == nullptr && count > 0)) return SEQCAST_INVALID_ARGUMENT;
  return publisher->publish_gathered({pieces, count}, sequence);
}

[[gnu::flatten]] int seqcast_publish_batch(seqcast_publisher* publisher, const void* data, std::size_t size,
                                           std::size_t count, std::uint64_t* sequence) {
  if (publisher == nullptr || (data == nullptr && size > 0 && count > 0)) return SEQCAST_INVALID_ARGUMENT;
  return publisher->publish_several(data, size, count, sequence);
}

int seqcast_skip(seqcast_publisher* publisher, std::uint64_t count, std::uint64_t* sequence) {
  if (publisher == nullptr) return SEQCAST_INVALID_ARGUMENT;
  return guarded(nullptr, [&] { return publisher->skip_several(count, sequence); });
}

int seqcast_loan(seqcast_publisher* publisher, void** data, std::size_t* size) {
  if (publisher == nullptr || data == nullptr) return SEQCAST_INVALID_ARGUMENT;
  *data = publisher->lend();
  if (size != nullptr) *size = publisher->max_message_size();
  return SEQCAST_OK;
}

int seqcast_commit(seqcast_publisher* publisher, std::size_t size, std::uint64_t* sequence) {
  if (publisher == nullptr) return SEQCAST_INVALID_ARGUMENT;
  return publisher->commit_loan(size, sequence);
}

int seqcast_publisher_get_info(const seqcast_publisher* publisher, seqcast_publisher_info* info) {
  return guarded(nullptr, [&] {
    require_given(publisher);
    const Epoch epoch = publisher->epoch();
    write_info(info, {.struct_size = 0,
                      .head = publisher->head(),
                      .epoch = epoch.number,
                      .first_sequence = epoch.first_sequence,
                      .capacity = publisher->capacity(),
                      .max_message_size = publisher->max_message_size(),
                      .timestamps = publisher->timestamps(),
                      .state = number_of(publisher->state()),
                      .reliable_subscribers = static_cast<std::uint32_t>(publisher->reliable_subscribers())});
    return SEQCAST_OK;
  });
}

int seqcast_publisher_explain(const seqcast_publisher* publisher, int code, seqcast_error* error) {
  return guarded(nullptr, [&] {
    require(publisher != nullptr && error != nullptr && usable(error), "");
    try {
      if (code == publisher->size_code()) publisher->raise_refused();
      if (code == SEQCAST_STALE_LOAN) detail::raise_stale_loan();
      explain(error, text_of_code(code));
    } catch (const std::logic_error& mistake) {
      explain(error, mistake.what());
    }
    return SEQCAST_OK;
  });
}

int seqcast_subscriber_open(std::uint32_t header_version, const seqcast_location* where,
                            const seqcast_subscriber_options* options, seqcast_subscriber** subscriber,
                            seqcast_error* error) {
  return open_handle(header_version, where, options, subscriber, error);
}

void seqcast_subscriber_close(seqcast_subscriber* subscriber) {
  delete subscriber;
}

[[gnu::flatten]] int seqcast_next(seqcast_subscriber* subscriber, seqcast_message* message) {
  if (subscriber == nullptr || !fillable(message)) return SEQCAST_INVALID_ARGUMENT;
  return subscriber->next_into(subscriber->own_buffer(), subscriber->max_message_size(), *message);
}

[[gnu::flatten]] int seqcast_next_into(seqcast_subscriber* subscriber, void* buffer, std::size_t capacity,
                                       seqcast_message* message) {
  if (subscriber == nullptr || !fillable(message)) return SEQCAST_INVALID_ARGUMENT;
  if (buffer == nullptr && capacity > 0) return SEQCAST_INVALID_ARGUMENT;
  return subscriber->next_into(static_cast<std::byte*>(buffer), capacity, *message);
}

[[gnu::flatten]] int seqcast_latest(seqcast_subscriber* subscriber, seqcast_message* message) {
  if (subscriber == nullptr || !fillable(message)) return SEQCAST_INVALID_ARGUMENT;
  return subscriber->latest_into(subscriber->own_buffer(), subscriber->max_message_size(), *message);
}

[[gnu::flatten]] int seqcast_latest_into(seqcast_subscriber* subscriber, void* buffer, std::size_t capacity,
                                         seqcast_message* message) {
  if (subscriber == nullptr || !fillable(message)) return SEQCAST_INVALID_ARGUMENT;
  if (buffer == nullptr && capacity > 0) return SEQCAST_INVALID_ARGUMENT;
  return subscriber->latest_into(static_cast<std::byte*>(buffer), capacity, *message);
}

int seqcast_next_for(seqcast_subscriber* subscriber, std::int64_t timeout_ns, const seqcast_stop_source* stop,
                     seqcast_message* message) {
  if (subscriber == nullptr || !fillable(message)) return SEQCAST_INVALID_ARGUMENT;
  const auto read = [&] { return seqcast_next(subscriber, message); };
  return guarded(nullptr, [&] { return subscriber->wait_and(read, timeout_of(timeout_ns), token_of(stop)); });
}

int seqcast_next_for_into(seqcast_subscriber* subscriber, void* buffer, std::size_t capacity,
                          std::int64_t timeout_ns, const seqcast_stop_source* stop, seqcast_message* message) {
  if (subscriber == nullptr || !fillable(message)) return SEQCAST_INVALID_ARGUMENT;
  if (buffer == nullptr && capacity > 0) return SEQCAST_INVALID_ARGUMENT;
  const auto read = [&] { return seqcast_next_into(subscriber, buffer, capacity, message); };
  return guarded(nullptr, [&] { return subscriber->wait_and(read, timeout_of(timeout_ns), token_of(stop)); });
}

[[gnu::flatten]] int seqcast_next_batch(seqcast_subscriber* subscriber, void* buffer, std::size_t size,
                                        std::size_t capacity, seqcast_batch* batch) {
  if (subscriber == nullptr || batch == nullptr || batch->struct_size < first_batch_size)
    return SEQCAST_INVALID_ARGUMENT;
  if (buffer == nullptr || size == 0 || size > UINT32_MAX || capacity == 0) return SEQCAST_INVALID_ARGUMENT;
  if (capacity > SIZE_MAX / size) return SEQCAST_INVALID_ARGUMENT;
  return subscriber->next_several(static_cast<std::byte*>(buffer), static_cast<std::uint32_t>(size), capacity,
                                  *batch);
}

int seqcast_view(seqcast_subscriber* subscriber, seqcast_message* message) {
  if (subscriber == nullptr || !fillable(message)) return SEQCAST_INVALID_ARGUMENT;
  return subscriber->view_next(*message);
}

int seqcast_latest_view(seqcast_subscriber* subscriber, seqcast_message* message) {
  if (subscriber == nullptr || !fillable(message)) return SEQCAST_INVALID_ARGUMENT;
  return subscriber->view_latest(*message);
}

int seqcast_validate(seqcast_subscriber* subscriber, const seqcast_message* message) {
  if (subscriber == nullptr || !fillable(message)) return SEQCAST_INVALID_ARGUMENT;
  return subscriber->validate_view(*message);
}

int seqcast_seek(seqcast_subscriber* subscriber, std::uint64_t sequence, std::uint64_t* next) {
  if (subscriber == nullptr) return SEQCAST_INVALID_ARGUMENT;
  const std::uint64_t asked_for = subscriber->seek(sequence);
  if (next != nullptr) *next = asked_for;
  return SEQCAST_OK;
}

int seqcast_reopen(seqcast_subscriber* subscriber, seqcast_error* error) {
  return guarded(error, [&] {
    require_given(subscriber);
    return subscriber->reopen() ? SEQCAST_OK : SEQCAST_NOTHING_NEW;
  });
}

int seqcast_register_reliable(seqcast_subscriber* subscriber, seqcast_error* error) {
  return guarded(error, [&] {
    require_given(subscriber);
    subscriber->register_reliable();
    return SEQCAST_OK;
  });
}

int seqcast_lag(const seqcast_subscriber* subscriber, std::uint64_t* lag) {
  if (subscriber == nullptr || lag == nullptr) return SEQCAST_INVALID_ARGUMENT;
  *lag = subscriber->lag();
  return SEQCAST_OK;
}

int seqcast_subscriber_get_info(seqcast_subscriber* subscriber, seqcast_subscriber_info* info) {
  return guarded(nullptr, [&] {
    require_given(subscriber);
    const Epoch epoch = subscriber->epoch().value_or(Epoch{});
    write_info(info, {.struct_size = 0,
                      .cursor = subscriber->cursor(),
                      .lag = subscriber->lag(),
                      .epoch = epoch.number,
                      .first_sequence = epoch.first_sequence,
                      .capacity = subscriber->capacity(),
                      .max_message_size = subscriber->max_message_size(),
                      .timestamps = subscriber->timestamps(),
                      .state = number_of(subscriber->state()),
                      .publisher_alive = subscriber->publisher_alive(),
                      .wakeup = number_of(subscriber->wakeup()),
                      .reliable = subscriber->reliable()});
    return SEQCAST_OK;
  });
}

int seqcast_wait(seqcast_subscriber* subscriber, std::int64_t timeout_ns, const seqcast_stop_source* stop) {
  return guarded(nullptr, [&] {
    require_given(subscriber);
    return code_of(subscriber->wait_for(timeout_of(timeout_ns), token_of(stop)));
  });
}

int seqcast_wait_any(seqcast_subscriber* const* subscribers, std::size_t count, std::int64_t timeout_ns,
                     const seqcast_stop_source* stop, std::size_t* index) {
  return guarded(nullptr, [&] {
    const std::vector<AnySubscriber*> list = list_of(subscribers, count);
    const WaitAnyResult found = wait_any(list, timeout_of(timeout_ns), token_of(stop));
    const auto place = std::find(list.begin(), list.end(), found.subscriber);
    if (index != nullptr) *index = static_cast<std::size_t>(place - list.begin());
    return code_of(found.reason);
  });
}

int seqcast_stop_source_create(seqcast_stop_source** stop) {
  return guarded(nullptr, [&] {
    require_given(stop);
    *stop = nullptr;
    *stop = new seqcast_stop_source;
    return SEQCAST_OK;
  });
}

int seqcast_stop_source_request(seqcast_stop_source* stop) {
  return guarded(nullptr, [&] {
    require_given(stop);
    stop->request_stop();
    return SEQCAST_OK;
  });
}

void seqcast_stop_source_destroy(seqcast_stop_source* stop) {
  delete stop;
}

int seqcast_poll_descriptor_open(seqcast_poll_descriptor** descriptor, seqcast_error* error) {
  return guarded(error, [&] {
    require_given(descriptor);
    *descriptor = nullptr;
    *descriptor = new seqcast_poll_descriptor;
    return SEQCAST_OK;
  });
}

void seqcast_poll_descriptor_close(seqcast_poll_descriptor* descriptor) {
  delete descriptor;
}

int seqcast_poll_descriptor_get(const seqcast_poll_descriptor* descriptor, std::intptr_t* native) {
  if (descriptor == nullptr || native == nullptr) return SEQCAST_INVALID_ARGUMENT;
  *native = native_of(descriptor->native_handle());
  return SEQCAST_OK;
}

int seqcast_poll_descriptor_arm(seqcast_poll_descriptor* descriptor, seqcast_subscriber* const* subscribers,
                                std::size_t count, seqcast_error* error) {
  return guarded(error, [&] {
    require_given(descriptor);
    descriptor->arm(list_of(subscribers, count));
    return SEQCAST_OK;
  });
}

int seqcast_inspector_open(std::uint32_t header_version, const seqcast_location* where,
                           const seqcast_inspector_options* options, seqcast_inspector** inspector,
                           seqcast_error* error) {
  return open_handle(header_version, where, options, inspector, error);
}

void seqcast_inspector_close(seqcast_inspector* inspector) {
  delete inspector;
}

int seqcast_inspector_get_identity(const seqcast_inspector* inspector, seqcast_identity* identity) {
  return guarded(nullptr, [&] {
    require_given(inspector);
    const ChannelIdentity& found = inspector->identity();
    const auto created =
        found.created_at ? found.created_at->time_since_epoch() : std::chrono::system_clock::duration{};
    write_info(identity, {.struct_size = 0,
                          .region_size = found.region_size,
                          .slots_offset = found.slots_offset,
                          .slot_stride = found.slot_stride,
                          .capacity = found.capacity,
                          .format_version = found.format_version,
                          .payload_offset = found.payload_offset,
                          .max_message_size = found.max_message_size,
                          .message_alignment = found.message_alignment,
                          .timestamps = found.timestamps,
                          .copy_behind = found.copy_behind,
                          .wakeup = number_of(found.wakeup),
                          .gaps = found.gaps,
                          .unknown_flags = found.unknown_flags,
                          .schema_tag = found.schema_tag,
                          .schema_name = string_of(found.schema_name),
                          .schema_format = string_of(found.schema_format),
                          .created_at_ns = std::chrono::nanoseconds{created}.count(),
                          .id = found.id,
                          .mirror = found.mirror,
                          .reserved = 0});
    return SEQCAST_OK;
  });
}

int seqcast_inspector_get_status(const seqcast_inspector* inspector, seqcast_status* status) {
  return guarded(nullptr, [&] {
    require_given(inspector);
    const ChannelStatus found = inspector->status();
    const Epoch epoch = found.epoch.value_or(Epoch{});
    write_info(status, {.struct_size = 0,
                        .head = found.head,
                        .oldest = found.oldest,
                        .published_at_ns = nanoseconds_of(found.published_at),
                        .epoch = epoch.number,
                        .first_sequence = epoch.first_sequence,
                        .publisher_process = found.publisher_process,
                        .state = number_of(found.state),
                        .publisher_alive = found.publisher_alive,
                        .bell_found = found.bell_found,
                        .problem = static_cast<std::uint32_t>(found.error.value())});
    return SEQCAST_OK;
  });
}

int seqcast_list_shared_memory(seqcast_list** list, seqcast_error* error) {
  return guarded(error, [&] {
    require_given(list);
    *list = nullptr;
    *list = new seqcast_list{channels_in_shared_memory()};
    return SEQCAST_OK;
  });
}

int seqcast_list_folder(const seqcast_string* folder, seqcast_list** list, seqcast_error* error) {
  return guarded(error, [&] {
    require_given(folder, list);
    *list = nullptr;
    *list = new seqcast_list{channels_in_folder(std::string{text_of(*folder)})};
    return SEQCAST_OK;
  });
}

int seqcast_list_count(const seqcast_list* list, std::size_t* count) {
  if (list == nullptr || count == nullptr) return SEQCAST_INVALID_ARGUMENT;
  *count = list->locations.size();
  return SEQCAST_OK;
}

int seqcast_list_at(const seqcast_list* list, std::size_t index, seqcast_location* where) {
  if (list == nullptr || where == nullptr || index >= list->locations.size()) return SEQCAST_INVALID_ARGUMENT;
  const Location& found = list->locations[index];
  const bool is_file = found.kind() == Location::Kind::file;
  *where = {std::uint32_t{is_file ? SEQCAST_FILE : SEQCAST_SHARED_MEMORY}, 0, string_of(found.name())};
  return SEQCAST_OK;
}

void seqcast_list_destroy(seqcast_list* list) {
  delete list;
}

int seqcast_remove(const seqcast_location* where, const seqcast_remove_options* options, seqcast_error* error) {
  return guarded(error, [&] {
    const seqcast_remove_options set = read_options(options);
    require(set.reserved == 0, "reserved is not 0");
    const bool removed = remove_channel(location_of(where), {.even_if_alive = switch_of(set.even_if_alive)});
    return removed ? SEQCAST_OK : SEQCAST_NO_CHANNEL;
  });
}
