// SPDX-License-Identifier: BSL-1.0
//
// iceoryx: version 2 of the C++ implementation, copied into and out of its chunks, and in place. Its daemon
// starts with the first channel and ends with the benchmark.
#include "all.hpp"

#ifdef BENCH_HAS_ICEORYX
#include "../process.hpp"
#include "in_place.hpp"

#include <sched.h>
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
                                .setting = "as iceoryx, in place; one word written and read",
                                .rival = true,
                                .in_place = true};
constexpr Description touched{.name = "iceoryx, touched",
                              .setting = "as iceoryx, in place; every byte written and read",
                              .rival = true,
                              .in_place = true};

#ifdef BENCH_HAS_ICEORYX

/// Starts the daemon on the first call; it runs for the life of the main process.
void require_daemon() {
  static ChildProcess daemon{{"iox-roudi", "--monitoring-mode", "off", "--log-level", "off"}, {}};
  if (daemon.ended()) {
    throw CannotMeasure{"iox-roudi does not run (Debian: iceoryx); is another one running?"};
  }
}

/// Registers this process, once. The name contains its core: no other process of the benchmark runs there, and
/// a process with the same name takes the place of one that has ended.
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
    require_daemon();
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
      // The constructor cannot wait for this: with two channels each process makes its sender first.
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
struct IceoryxCopied : Iceoryx<Size, Touch::copy> {};
template <std::size_t Size>
struct IceoryxUntouched : Iceoryx<Size, Touch::one_word> {};
template <std::size_t Size>
struct IceoryxTouched : Iceoryx<Size, Touch::every_byte> {};

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
