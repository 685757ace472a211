// SPDX-License-Identifier: BSL-1.0
//
// An application's own handlers of SIGBUS beside a subscriber that survives truncation: every fault outside
// that subscriber's region is handled as before, and so is every fault after the subscriber's end.
//
// Each case runs in a child, since handlers belong to the whole process, and the library's is installed
// for good.
#include "support/child.hpp"
#include "support/temporary.hpp"
#include "support/truncation.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <csetjmp>
#include <fstream>
#include <thread>

#include <fcntl.h>

using namespace test;
using Numbers = seqcast::Publisher<std::uint64_t>;
using NumberSubscriber = seqcast::Subscriber<std::uint64_t>;

namespace {

constexpr std::size_t page = 4096;
constexpr seqcast::SubscriberOptions surviving{.start = seqcast::StartPosition::oldest,
                                               .survive_truncation = true};

void expect(bool holds, const char* what) {
  if (!holds) throw std::runtime_error{what};
}

/// A mapping of the application's own, whose file is too short for it.
class ShortFile {
 public:
  explicit ShortFile(const TemporaryFolder& folder, void* at = nullptr) {
    const Descriptor file{::open((folder / "own").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    const int fixed = at == nullptr ? 0 : MAP_FIXED_NOREPLACE;
    byte_ = static_cast<char*>(::mmap(at, page, PROT_READ, MAP_SHARED | fixed, file.id(), 0));
    if (byte_ == MAP_FAILED) raise_errno("mmap");
  }
  char look() const {
    return *static_cast<volatile const char*>(byte_);
  }
  const void* address() const {
    return byte_;
  }

 private:
  char* byte_;
};

/// What the application's handler has seen.
struct Seen {
  volatile std::sig_atomic_t times = 0;
  volatile int code = 0;
  const void* volatile address = nullptr;
  volatile std::sig_atomic_t masked = 0; // whether SIGUSR1 was, and SIGBUS itself
  volatile std::sig_atomic_t deferred = 0;
  sigjmp_buf back{};
};
Seen seen;

void note_mask() {
  sigset_t now;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &now);
  seen.masked = ::sigismember(&now, SIGUSR1);
  seen.deferred = ::sigismember(&now, SIGBUS);
  seen.times = seen.times + 1;
}
void note_all(int, siginfo_t* info, void*) {
  note_mask();
  seen.code = info->si_code;
  seen.address = info->si_addr;
  if (info->si_code > 0) siglongjmp(seen.back, 1);
}
void note_plainly(int) {
  note_mask();
  siglongjmp(seen.back, 1);
}

void install_all(int flags = 0) {
  struct sigaction action {};
  action.sa_sigaction = note_all;
  action.sa_flags = SA_SIGINFO | flags;
  ::sigaddset(&action.sa_mask, SIGUSR1);
  ::sigaction(SIGBUS, &action, nullptr);
}
void install_plain(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigaction(SIGBUS, &action, nullptr);
}

/// A fault of the application's own; returns if its handler jumps.
void fault(const ShortFile& file) {
  if (sigsetjmp(seen.back, 1) == 0) file.look();
}

/// Opens, is truncated, survives.
void survive_one(const TemporaryFolder& folder) {
  const auto place = seqcast::file(folder / "channel");
  auto publisher = std::make_optional<Numbers>(place, seqcast::PublisherOptions{.capacity = 1024});
  for (std::uint64_t i = 0; i < 9; ++i) publisher->publish(i);
  NumberSubscriber subscriber{place, surviving};
  expect(subscriber.next().has_value(), "a message before the truncation");
  publisher.reset();
  cut(folder / "channel", 0);
  errno = 77;
  expect(!subscriber.next(), "nothing after the truncation");
  expect(errno == 77, "errno is left alone");
  expect(subscriber.error() == seqcast::Errc::truncated, "the error says so");
  expect(::unlink((folder / "channel").c_str()) == 0, "removed");
}

Ended in_child(const std::function<void(const TemporaryFolder&)>& function) {
  const TemporaryFolder folder;
  Child child{[&](Line&) {
    no_core();
    function(folder);
  }};
  return child.wait();
}

} // namespace

TEST_CASE("a handler with SA_SIGINFO gets the faults that are not ours, with their address, mask and code") {
  CHECK(in_child([](const TemporaryFolder& folder) {
          install_all();
          const ShortFile own{folder};
          for (int round = 1; round <= 3; ++round) {
            survive_one(folder);
            expect(seen.times == 2 * (round - 1), "our faults are not the application's");
            fault(own);
            expect(seen.times == 2 * round - 1 && seen.address == own.address() && seen.code == BUS_ADRERR,
                   "its own fault has reached the handler");
            expect(seen.masked == 1 && seen.deferred == 1, "with the signals masked that it asked for");
            ::kill(::getpid(), SIGBUS);
            expect(seen.times == 2 * round && seen.code == SI_USER, "and so has a signal that was sent");
          }
        }) == ended_well);
}

TEST_CASE(
    "a handler with SA_NODEFER may be interrupted by another SIGBUS, and one with SA_RESETHAND runs once") {
  CHECK(in_child([](const TemporaryFolder& folder) {
          install_all(SA_NODEFER);
          survive_one(folder);
          fault(ShortFile{folder});
          expect(seen.times == 1 && seen.masked == 1 && seen.deferred == 0, "nothing was deferred");
        }) == ended_well);
  CHECK(in_child([](const TemporaryFolder& folder) {
          install_all(static_cast<int>(SA_RESETHAND));
          survive_one(folder);
          const ShortFile own{folder};
          fault(own);
          expect(seen.times == 1, "the first fault has reached the handler");
          fault(own);
        }) == Ended{-1, SIGBUS});
}

TEST_CASE("a plain handler gets the faults that are not ours") {
  CHECK(in_child([](const TemporaryFolder& folder) {
          install_plain(note_plainly);
          survive_one(folder);
          expect(seen.times == 0, "our fault is not the application's");
          fault(ShortFile{folder});
          expect(seen.times == 1, "its own fault has reached the handler");
        }) == ended_well);
}

TEST_CASE(
    "without a handler a fault that is not ours kills, ignored or not, and so does a signal that is sent") {
  const auto own_fault = [](const TemporaryFolder& folder) {
    survive_one(folder);
    fault(ShortFile{folder});
  };
  CHECK(in_child(own_fault) == Ended{-1, SIGBUS});
  CHECK(in_child([&](const TemporaryFolder& folder) {
          install_plain(SIG_IGN);
          own_fault(folder);
        }) == Ended{-1, SIGBUS});
  CHECK(in_child([](const TemporaryFolder& folder) {
          survive_one(folder);
          ::kill(::getpid(), SIGBUS);
        }) == Ended{-1, SIGBUS});
}

TEST_CASE("a sent SIGBUS that was ignored is still ignored") {
  CHECK(in_child([](const TemporaryFolder& folder) {
          install_plain(SIG_IGN);
          survive_one(folder);
          ::kill(::getpid(), SIGBUS);
          survive_one(folder);
        }) == ended_well);
}

TEST_CASE("without the option no handler is installed") {
  CHECK(in_child([](const TemporaryFolder& folder) {
          const Numbers publisher{seqcast::file(folder / "channel")};
          const NumberSubscriber subscriber{seqcast::file(folder / "channel")};
          struct sigaction now {};
          ::sigaction(SIGBUS, nullptr, &now);
          expect((now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_DFL, "SIGBUS is as it was");
        }) == ended_well);
}

TEST_CASE("after its subscriber has ended nothing protects the address any more") {
  CHECK(in_child([](const TemporaryFolder& folder) {
          install_all();
          const auto place = seqcast::file(folder / "channel");
          const Numbers publisher{place};
          void* address = nullptr;
          {
            NumberSubscriber first{place, surviving};
            NumberSubscriber second{std::move(first)};
            std::ifstream maps{"/proc/self/maps"};
            for (std::string line; std::getline(maps, line);) {
              if (line.find(folder / "channel") == std::string::npos || line.find("r--s") == std::string::npos)
                continue;
              if (line.find(".bell") != std::string::npos) continue;
              std::uintptr_t begin = 0;
              expect(std::sscanf(line.c_str(), "%zx-", &begin) == 1, "an address");
              address = __builtin_bit_cast(void*, begin);
            }
          }
          expect(address != nullptr, "the region was mapped somewhere");
          const ShortFile own{folder, address};
          expect(own.address() == address, "the same place");
          fault(own);
          expect(seen.times == 1 && seen.address == address, "the fault is the application's");
        }) == ended_well);
}

TEST_CASE("threads may open and close protected subscribers while another survives a truncation") {
  CHECK(in_child([](const TemporaryFolder& folder) {
          const Numbers publisher{seqcast::file(folder / "other"), {.capacity = 8}};
          std::atomic<bool> done{false};
          std::atomic<int> opened{0};
          std::vector<std::jthread> threads;
          for (int i = 0; i < 2; ++i) {
            threads.emplace_back([&] {
              while (!done) {
                const NumberSubscriber one{seqcast::file(folder / "other"), surviving};
                const NumberSubscriber two{seqcast::file(folder / "other"), surviving};
                ++opened;
              }
            });
          }
          for (int round = 0; round < 100; ++round) survive_one(folder);
          wait_until("the other threads to have opened a few", [&] { return opened > 100; });
          done = true;
        }) == ended_well);
}

TEST_CASE("a file that is truncated during opening is refused, and no process is killed") {
  CHECK(in_child([](const TemporaryFolder& folder) {
          const std::string path = folder / "channel";
          { const Numbers publisher{seqcast::file(path), {.capacity = 16384}}; }
          std::ifstream in{path, std::ios::binary};
          const std::string whole{std::istreambuf_iterator<char>{in}, {}};
          std::atomic<bool> done{false};
          const std::jthread hostile{[&] {
            const Descriptor file{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
            for (int round = 0; !done; ++round) {
              if (::ftruncate(file.id(), 0) != 0) raise_errno("ftruncate");
              if (::pwrite(file.id(), whole.data(), whole.size(), 0) < 0) raise_errno("pwrite");
              // Whole for a while, and each time for another: an opening takes longer than a truncation.
              std::this_thread::sleep_for(std::chrono::microseconds{round % 8 * 100});
            }
          }};
          int refused = 0;
          int truncated = 0;
          int accepted = 0;
          const Watchdog watchdog{"each kind of opening to have happened"};
          while (refused == 0 || truncated == 0 || accepted == 0) {
            watchdog.check();
            seqcast::Error error;
            auto subscriber = NumberSubscriber::open(seqcast::file(path), surviving, error);
            ++(subscriber ? accepted : error == seqcast::Errc::truncated ? truncated : refused);
            if (subscriber) (void)subscriber->latest();
          }
          done = true;
        }) == ended_well);
}
