// SPDX-License-Identifier: BSL-1.0
//
// region_fuzz: any bytes are opened as a channel, and every call of the library is made on them: of ring and
// recovery, on memory between guard pages, while another process changes words between any two steps; and of
// the public classes, through a file.
//
// For all bytes: no access outside them, a bounded number of steps a call, a cursor that never goes back, sizes
// that are never above the maximum, sequence == previous + 1 + lost, and no change of a refused region.
#include "fuzz_file.hpp"
#include "fuzz_input.hpp"
#include "identity.hpp"
#include "platform/platform.hpp"

#include <seqcast/detail/recovery.hpp>
#include "support/guarded_memory.hpp"
#include "support/resume.hpp"

#include <utility>
#include <vector>

namespace {

using namespace seqcast::detail;
using fuzz::Control;
using fuzz::require;

/// Counts the steps of a call, and performs the pokes between them.
struct Steps {
  std::uint64_t total = 0;
  std::uint64_t of_call = 0;
  const Control* control = nullptr;
  std::span<std::uint64_t> region;

  void step() {
    ++of_call;
    for (const fuzz::Poke& poke : control->pokes) {
      if (poke.step != total || poke.step == 0 || region.empty()) continue;
      region[poke.word % region.size()] = fuzz::stretch(poke.value);
    }
    ++total;
  }
  bool poked() const {
    for (const fuzz::Poke& poke : control->pokes) {
      if (poke.step != 0 && poke.step < total) return true;
    }
    return false;
  }
};
Steps steps;

struct CountingPolicy {
  class Word {
   public:
    std::uint64_t load(std::memory_order) const noexcept {
      steps.step();
      return value_;
    }
    void store(std::uint64_t value, std::memory_order) noexcept {
      steps.step();
      value_ = value;
    }
    std::uint64_t fetch_add(std::uint64_t more, std::memory_order) noexcept {
      steps.step();
      return std::exchange(value_, value_ + more);
    }
    std::uint64_t fetch_or(std::uint64_t bits, std::memory_order) noexcept {
      steps.step();
      return std::exchange(value_, value_ | bits);
    }

   private:
    std::uint64_t value_;
  };
  static void fence(std::memory_order) noexcept {
    steps.step();
  }
  static void pause() noexcept {}
  static constexpr std::size_t chunk_size() noexcept {
    return 64;
  }
  static constexpr int max_polls() noexcept {
    return 4;
  }
  static constexpr std::size_t line_words() noexcept {
    return seqcast::detail::HardwarePolicy::line_words();
  }
};

using Word = CountingPolicy::Word;
using RingReader = RingSubscriber<CountingPolicy>;

/// Runs one call and requires that it took at most `most` steps.
template <class Call>
auto bounded(std::uint64_t most, const Call& call) {
  steps.of_call = 0;
  const auto result = call();
  require(steps.of_call <= most, "a call takes a bounded number of steps");
  return result;
}

class Machine {
 public:
  Machine(std::span<std::byte> region, const Geometry& geometry, std::uint64_t resume_behind, bool typed)
      : words_{static_cast<Word*>(static_cast<void*>(region.data()))},
        geometry_{geometry},
        resume_behind_{resume_behind},
        typed_{typed},
        copy_steps_{words_for(geometry.max_message_size) + 8},
        exact_{exact_buffer(geometry.max_message_size)},
        reader_{words_, geometry, 0, 1, resume_behind} {}

  void call(std::uint8_t code) {
    const std::uint8_t how = code >> 3;
    switch (code & 7) {
      case 0:
      case 1:
        return typed_ ? read_typed(true) : read_any(24, true);
      case 2:
        return read_any(how, true);
      case 3:
        return typed_ ? read_typed(false) : read_any(how, false);
      case 4:
        return inspect();
      case 5:
        begin_at(how);
        return;
      case 6:
        return take_over((how & 1) != 0, how >> 1);
      default:
        return find_newest();
    }
  }

 private:
  static std::span<std::byte> exact_buffer(std::uint32_t size) {
    static const test::GuardedMemory buffers{fuzz::largest_input};
    return buffers.bytes().last(size);
  }

  ExactDestination<> exact() {
    return {exact_.data(), geometry_.max_message_size};
  }

  // A subscriber is of one kind for its whole life, as Subscriber<T> and ByteSubscriber are.
  void read_typed(bool is_next) {
    const std::uint64_t before = reader_.cursor();
    const ReadResult result =
        bounded(most_steps(is_next), [&] { return is_next ? reader_.next(exact()) : reader_.latest(exact()); });
    took(before, is_next, geometry_.max_message_size, result);
  }

  void read_any(std::uint8_t how, bool is_next) {
    if (typed_) return;
    const std::size_t room = std::size_t{geometry_.max_message_size} * how / 24; // more than enough, from 24 on
    static const test::GuardedMemory buffers{fuzz::largest_input};
    const BufferDestination into{buffers.bytes().last(room).data(), room};
    const std::uint64_t before = reader_.cursor();
    const ReadResult result =
        bounded(most_steps(is_next), [&] { return is_next ? reader_.next(into) : reader_.latest(into); });
    took(before, is_next, room, result);
  }

  std::uint64_t most_steps(bool is_next) const {
    const std::uint64_t gaps = geometry_.gaps ? 8 * geometry_.capacity : 0; // a few steps each
    return is_next ? 2 * copy_steps_ + gaps : 8 * copy_steps_ + 4 * gaps;
  }

  void took(std::uint64_t before, bool is_next, std::size_t room, const ReadResult& result) {
    require(reader_.cursor() >= before, "the cursor never moves back");
    if (result.status == ReadStatus::buffer_too_small) {
      require(result.size > room && result.size <= geometry_.max_message_size,
              "a size that is told is bounded");
    }
    if (result.status == ReadStatus::wrong_size)
      require(reader_.cursor() > before || !is_next, "next() passes over");
    if (result.status != ReadStatus::message) return;
    require(result.size <= room && result.size <= geometry_.max_message_size, "a size that is used is bounded");
    require(result.sequence == reader_.cursor() ||
                (!is_next && geometry_.gaps && result.sequence < reader_.cursor()),
            "the cursor is the sequence, or behind gaps above it");
    require(result.sequence < sequence_limit, "a sequence is bounded");
    if (is_next)
      require(result.sequence > before && result.sequence == delivered_ + 1 + result.lost, "nothing uncounted");
    // Also for the message at the cursor: a first read may have passed over it, before it was made sound again.
    delivered_ = result.sequence;
  }

  void inspect() {
    const std::uint64_t newest = bounded(3, [&] { return reader_.newest(); });
    require(newest >= reader_.cursor() && newest <= std::max(reader_.cursor(), sequence_limit),
            "lag is bounded");
    bounded(1, [&] { return reader_.ready(); });
    const std::uint64_t before = reader_.cursor();
    bounded(8 * geometry_.capacity + 16, [&] { return reader_.ready_after_gaps(); });
    require(reader_.cursor() >= before, "a wait never moves the cursor back");
    const SubscriberHeader<CountingPolicy> lines{words_};
    bounded(16, [&] { return lines.epoch(); });
    bounded(6, [&] {
      return lines.boot_id()[0] + lines.boot_time() + lines.oldest() + lines.process() +
             static_cast<std::uint64_t>(lines.state());
    });
  }

  void begin_at(std::uint8_t how) {
    const std::uint64_t head = words_[head_offset / word_size].load(std::memory_order_acquire);
    if (head >= sequence_limit - geometry_.capacity) return; // is refused at opening
    const std::uint64_t cursor = how % 2 == 0 ? head - std::min<std::uint64_t>(head, how) : head;
    reader_ = {words_, geometry_, cursor,
               std::max<std::uint64_t>(1, cursor - std::min<std::uint64_t>(cursor, how)), resume_behind_};
    delivered_ = cursor;
  }

  void find_newest() {
    const std::uint64_t newest =
        bounded(geometry_.capacity + 2, [&] { return newest_plausible<CountingPolicy>(words_, geometry_); });
    require(newest < sequence_limit / 2, "the newest sequence leaves room for more");
  }

  void take_over(bool after_reboot, int publish) {
    const std::vector<std::uint64_t> before{steps.region.begin(), steps.region.end()};
    const Recovery<CountingPolicy> recovery{words_, geometry_};
    const auto head = bounded(4 * geometry_.capacity + 16, [&]() -> std::optional<std::uint64_t> {
      if (after_reboot) return recovery.take_over_after_reboot();
      return recovery.take_over();
    });
    if (!head) {
      require(steps.poked() || std::equal(before.begin(), before.end(), steps.region.begin()),
              "a damaged region is left alone");
      return;
    }
    require(*head < sequence_limit - 1, "sequences do not run out");
    for (std::uint64_t index = 0; index < geometry_.capacity && !steps.poked(); ++index) {
      const std::uint64_t version = steps.region[geometry_.slots_word + index * geometry_.stride_words];
      require(plausible(version, index, geometry_) && newest_proven(version) <= *head,
              "what is result over is sound");
    }
    RingReader witness{words_, geometry_, *head, *head + 1, resume_behind_};
    if (!steps.poked()) {
      const ReadResult none = witness.next(exact());
      require(none.status == ReadStatus::nothing || steps.poked(), "there is no message above the head");
    }
    RingPublisher<CountingPolicy> publisher{words_, geometry_, *head};
    for (int i = 0; i < publish; ++i) {
      const auto size =
          static_cast<std::uint32_t>(geometry_.max_message_size * static_cast<unsigned>(i + 1) / 16);
      const std::vector<std::byte> message(size, std::byte{0x5A});
      const std::uint64_t sequence = bounded(copy_steps_ + 8, [&] {
        return publisher.publish_with(size, 1, [&](Word* payload) {
          store_payload<CountingPolicy>(payload, message.data(), size, CopyMode::usual);
        });
      });
      const ReadResult result = witness.next(BufferDestination{exact_.data(), geometry_.max_message_size});
      if (steps.poked()) continue;
      require(result.status == ReadStatus::message && result.sequence == sequence && result.lost == 0 &&
                  result.size == size && std::equal(message.begin(), message.end(), exact_.data()),
              "what is published after a take-over is received");
    }
  }

  Word* words_;
  Geometry geometry_;
  std::uint64_t resume_behind_;
  bool typed_;
  std::uint64_t copy_steps_;
  std::span<std::byte> exact_;
  RingReader reader_;
  std::uint64_t delivered_ = 0;
};

void on_memory(const Control& control, std::span<const std::byte> file) {
  const std::size_t whole_words = file.size() / word_size * word_size;
  if (whole_words < header_size || whole_words > fuzz::largest_input) return;
  static const test::GuardedMemory before_a_guard{fuzz::largest_input, test::GuardedMemory::Against::end};
  static const test::GuardedMemory behind_a_guard{fuzz::largest_input, test::GuardedMemory::Against::begin};
  const std::span<std::byte> region = (control.flags & fuzz::against_end) != 0
                                          ? before_a_guard.bytes().last(whole_words)
                                          : behind_a_guard.bytes().first(whole_words);
  std::memcpy(region.data(), file.data(), whole_words);

  Identity identity{};
  std::memcpy(&identity, region.data(), sizeof identity);
  try {
    check_identity(identity, file.size());
  } catch (const Failure&) {
    return;
  }
  steps = {0,
           0,
           &control,
           {static_cast<std::uint64_t*>(static_cast<void*>(region.data())), whole_words / word_size}};
  using test::ResumePosition;
  const ResumePosition resume = (control.flags & fuzz::resume_newest) != 0   ? ResumePosition::newest
                                : (control.flags & fuzz::resume_oldest) != 0 ? ResumePosition::oldest
                                                                             : ResumePosition::half;
  Machine machine{region, geometry_of(identity), test::resume_behind(resume, identity.capacity),
                  (control.flags & fuzz::typed) != 0};
  for (const std::uint8_t code : control.calls) machine.call(code);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < sizeof(Control)) return 0;
  Control control;
  std::memcpy(&control, data, sizeof control);
  std::vector<std::byte> file(size - sizeof control);
  if (!file.empty()) std::memcpy(file.data(), data + sizeof control, file.size());
  if ((control.flags & fuzz::of_this_boot) != 0 && file.size() >= header_size) {
    std::error_code error;
    const platform::Boot boot = platform::current_boot(error);
    std::memcpy(file.data() + boot_offset, &boot.id, sizeof boot.id);
    std::memcpy(file.data() + boot_time_offset, &boot.time_ns, sizeof boot.time_ns);
  }
  on_memory(control, file);
  if ((control.flags & fuzz::in_a_file) != 0) fuzz::through_a_file(control, file);
  return 0;
}
