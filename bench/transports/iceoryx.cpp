// SPDX-License-Identifier: BSL-1.0
//
// iceoryx: version 2 of the C++ one, copied into and out of its chunks, and in place. Its daemon is started
// with the first channel and ends with the benchmark.
#include "all.hpp"
#include "missing.hpp"

#ifdef BENCH_HAS_ICEORYX
#include "in_place.hpp"

#include <csignal>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#endif

namespace bench {

namespace {

constexpr Description copied{.name = "iceoryx",
                             .setting = "2.0, RouDi's default pools, sender waits; polls take(), copies",
                             .rival = true};
constexpr Description untouched{.name = "iceoryx, untouched",
                                .setting = "the same in place; one word written and read",
                                .rival = true,
                                .in_place = true};
constexpr Description touched{.name = "iceoryx, touched",
                              .setting = "the same in place; every byte written and read",
                              .rival = true,
                              .in_place = true};

#ifdef BENCH_HAS_ICEORYX

/// The daemon, for the life of the main process.
class RouDi {
 public:
  RouDi() : process_{::fork()} {
    if (process_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(nowhere, 1);
    ::dup2(nowhere, 2);
    ::execlp("iox-roudi", "iox-roudi", "--monitoring-mode", "off", "--log-level", "off", nullptr);
    ::_exit(127);
  }
  RouDi(const RouDi&) = delete;
  ~RouDi() {
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
  }
  void require() {
    int status = 0;
    if (::waitpid(process_, &status, WNOHANG) != 0) {
      throw Unable{"iox-roudi does not run (Debian: iceoryx); is another one running?"};
    }
  }

 private:
  pid_t process_;
};

RouDi& daemon() {
  static RouDi running;
  return running;
}

/// Registers this process, once. Its name tells its core: nobody else runs there, and the same name again takes
/// the place of a process that has ended.
bool join() {
  static const bool joined = [] {
    iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kOff,
                                                             iox::log::LogLevelOutput::kHideLogLevel);
    const std::string name = "seqcast-bench-" + std::to_string(::sched_getcpu());
    iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t{iox::cxx::TruncateToCapacity, name});
    return true;
  }();
  return joined;
}

template <std::size_t Size, Touch How>
struct Iceoryx {
  const std::string instance = unique_name();

  Iceoryx() {
    daemon().require();
  }

  iox::capro::ServiceDescription service() const {
    return {"seqcast", iox::capro::IdString_t{iox::cxx::TruncateToCapacity, instance}, "bench"};
  }
  static constexpr std::uint64_t depth = std::clamp<std::uint64_t>((1 << 22) / Size, 4, 256);

  struct Sender {
    explicit Sender(Iceoryx& all)
        : joined{join()}, publisher{all.service(), [] {
                                      iox::popo::PublisherOptions options;
                                      options.subscriberTooSlowPolicy =
                                          iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
                                      return options;
                                    }()} {}
    bool send(const Message<Size>& message) {
      // Not awaited before: with two channels each side makes its sender first.
      if (!connected && !(connected = publisher.hasSubscribers())) return false;
      bool sent = false;
      publisher.loan(Size, 8).and_then([&](void* chunk) {
        write<How>(message, chunk);
        publisher.publish(chunk);
        sent = true;
      });
      return sent;
    }
    bool joined;
    bool connected = false;
    iox::popo::UntypedPublisher publisher;
  };

  struct Receiver {
    explicit Receiver(Iceoryx& all)
        : joined{join()}, subscriber{all.service(), [] {
                                       iox::popo::SubscriberOptions options;
                                       options.queueCapacity = depth;
                                       options.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
                                       return options;
                                     }()} {}
    bool receive(Message<Size>& message) {
      bool received = false;
      subscriber.take().and_then([&](const void* chunk) {
        received = true;
        if (!read<How>(chunk, message)) ++torn_count;
        subscriber.release(chunk);
      });
      return received;
    }
    std::uint64_t torn() const requires(How != Touch::copy) {
      return torn_count;
    }
    bool joined;
    iox::popo::UntypedSubscriber subscriber;
    std::uint64_t torn_count = 0;
  };
};

template <std::size_t Size>
struct IceoryxCopied : Iceoryx<Size, Touch::copy> {
  using typename Iceoryx<Size, Touch::copy>::Sender;
  using typename Iceoryx<Size, Touch::copy>::Receiver;
};
template <std::size_t Size>
struct IceoryxUntouched : Iceoryx<Size, Touch::one_word> {
  using typename Iceoryx<Size, Touch::one_word>::Sender;
  using typename Iceoryx<Size, Touch::one_word>::Receiver;
};
template <std::size_t Size>
struct IceoryxTouched : Iceoryx<Size, Touch::every_byte> {
  using typename Iceoryx<Size, Touch::every_byte>::Sender;
  using typename Iceoryx<Size, Touch::every_byte>::Receiver;
};

#endif

} // namespace

#ifdef BENCH_HAS_ICEORYX
const Transport iceoryx = transport_of<IceoryxCopied>(copied);
const Transport iceoryx_untouched = transport_of<IceoryxUntouched>(untouched);
const Transport iceoryx_touched = transport_of<IceoryxTouched>(touched);
#else
const Transport iceoryx = missing_transport(copied, "libiceoryx-posh-dev");
const Transport iceoryx_untouched = missing_transport(untouched, "libiceoryx-posh-dev");
const Transport iceoryx_touched = missing_transport(touched, "libiceoryx-posh-dev");
#endif

} // namespace bench
