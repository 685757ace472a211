// SPDX-License-Identifier: BSL-1.0
//
// A publisher that closes just before, or just after, any sleep of whoever waits for it: the close is told
// then, and not a sleep later. Time plays no part: what is counted are sleeps that came to their end in vain.
//
// syscall() is this file's own, which the library calls in place of the C library's: the last moment before a
// sleep, and the first one after it, are where a test can do something.
#include "support/waiting.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cerrno>
#include <cstdarg>
#include <functional>

#include <dlfcn.h>
#include <linux/futex.h>

using namespace test;

namespace {

enum class Side { before, after };

/// Does something at one side of one sleep, and counts from there on.
struct Ambush {
  std::uint64_t sleep; // the first is 1
  Side side;
  std::function<void()> spring;
  std::function<bool()> over; // what has been told is no longer waited for
  std::uint64_t sleeps = 0;
  std::atomic<bool> sprung{false};
  std::atomic<std::uint64_t> in_vain{0}; // sleeps afterwards that only the time has ended

  void reach(Side where) {
    if (where != side || sleeps != sleep || sprung) return;
    spring();
    sprung = true;
  }
};

std::atomic<Ambush*> ambush{nullptr};

bool is_sleep(long number, long operation) {
#if defined(SYS_futex_waitv)
  if (number == SYS_futex_waitv) return true;
#endif
  return number == SYS_futex && operation == FUTEX_WAIT_BITSET;
}

} // namespace

extern "C" long syscall(long number, ...) noexcept {
  static const auto real = std::bit_cast<long (*)(long, ...)>(::dlsym(RTLD_NEXT, "syscall"));
  std::va_list list;
  va_start(list, number);
  long of[6]{};
  const std::size_t count = number == SYS_futex ? 6 : 5; // no other one that is called here has more
  for (std::size_t i = 0; i < count; ++i) of[i] = va_arg(list, long);
  va_end(list);
  Ambush* const here = is_sleep(number, of[1]) ? ambush.load() : nullptr;
  if (here == nullptr) return real(number, of[0], of[1], of[2], of[3], of[4], of[5]);
  ++here->sleeps;
  here->reach(Side::before);
  const bool counts = here->sprung && !here->over();
  const long result = real(number, of[0], of[1], of[2], of[3], of[4], of[5]);
  const int error = errno;
  if (counts && result < 0 && error == ETIMEDOUT) ++here->in_vain;
  here->reach(Side::after);
  errno = error;
  return result;
}

namespace {

/// `wait` ends because of a close that comes at each side of each of the first sleeps, and after no sleep more.
template <class Wait>
void close_everywhere(const seqcast::PublisherOptions& options, const Wait& wait) {
  for (const std::uint64_t sleep : {1U, 2U, 3U}) {
    for (const Side side : {Side::before, Side::after}) {
      CAPTURE(sleep);
      CAPTURE(side == Side::after);
      const TemporaryFolder folder;
      std::optional<NumberPublisher> publisher{std::in_place, folder.channel(), options};
      NumberSubscriber subscriber{folder.channel(), {.strategy = seqcast::Strategy::sleep}};
      Ambush here{
          .sleep = sleep, .side = side, .spring = [&] { publisher.reset(); }, .over = [] { return false; }};
      wait(subscriber, here);
      CHECK(here.sprung);
      CHECK(here.in_vain == 0);
    }
  }
}

const seqcast::PublisherOptions all_options[] = {
    {}, {.wake_always = true}, {.remove_on_close = true}, {.wake_always = true, .remove_on_close = true}};

/// For as long as it lives.
struct Armed {
  explicit Armed(Ambush& here) {
    ambush = &here;
  }
  Armed(const Armed&) = delete;
  ~Armed() {
    ambush = nullptr;
  }
};

void check_told(Wait reason, bool removed) {
  CHECK(reason == (removed ? Wait::superseded : Wait::closed));
}

} // namespace

TEST_CASE("a close at any side of any sleep of a wait is told without another sleep") {
  for (const auto& options : all_options) {
    CAPTURE(options.wake_always.value_or(false));
    close_everywhere(options, [&](NumberSubscriber& subscriber, Ambush& here) {
      const Armed armed{here};
      check_told(subscriber.wait_for(far_away), options.remove_on_close);
    });
  }
}

TEST_CASE("a close at any side of any sleep on several words is told without another sleep") {
  for (const auto& options : all_options) {
    CAPTURE(options.wake_always.value_or(false));
    close_everywhere(options, [&](NumberSubscriber& subscriber, Ambush& here) {
      const TemporaryFolder other;
      const NumberPublisher silent{other.channel()};
      NumberSubscriber deaf{other.channel(), {.strategy = seqcast::Strategy::sleep}};
      const std::stop_source stop;
      const Armed armed{here};
      const auto found = seqcast::wait_any({&deaf, &subscriber}, far_away, stop.get_token());
      CHECK(found.subscriber == &subscriber);
      check_told(found.reason, options.remove_on_close);
    });
  }
}

TEST_CASE("a close at any side of any sleep of a notifier's thread is told without another sleep") {
  for (const auto& options : all_options) {
    CAPTURE(options.wake_always.value_or(false));
    close_everywhere(options, [&](NumberSubscriber& subscriber, Ambush& here) {
      seqcast::Notifier notifier;
      here.over = [of = notifier.descriptor()] { return readable(of, Watchdog{"nothing", 0ns}); };
      const Armed armed{here};
      notifier.add(subscriber);
      CHECK(readable(notifier.descriptor(), Watchdog{"a notification", far_away}));
      wait_until("the close", [&] { return here.sprung.load(); });
    });
  }
}
