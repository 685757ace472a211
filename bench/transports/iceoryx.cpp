// SPDX-License-Identifier: BSL-1.0
//
// iceoryx: version 2 of the C++ implementation, copied into and out of its chunks, and in place. Its daemon
// starts with the first channel and ends with the benchmark.
#include "../transport.hpp"
#include "all.hpp"

#ifdef BENCH_HAS_ICEORYX
#include "../process.hpp"

#include <cstring>

#include <sched.h>
#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#endif

namespace bench {

namespace {

constexpr Description copied{.name = "iceoryx",
                             .setting = "2.0, RouDi's default pools; polls take(), copies",
                             .lossless = true,
                             .sound = true};
constexpr Description in_place{.name = "iceoryx, in place",
                               .setting = "every word written and read in its chunk",
                               .lossless = true,
                               .sound = true,
                               .least_size = 65536};

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

template <bool InPlace>
struct Iceoryx : AnySize {
  const std::string instance = unique_name();

  explicit Iceoryx(const Setting& setting) : AnySize{setting} {
    require_daemon();
  }

  iox::capro::ServiceDescription service() const {
    return {"seqcast", iox::capro::IdString_t{iox::cxx::TruncateToCapacity, instance}, "bench"};
  }
  std::uint64_t depth() const {
    return std::clamp<std::uint64_t>((1 << 22) / size(), 4, 256);
  }

  struct Sender {
    explicit Sender(Iceoryx& all)
        : size{all.size()}, joined{join()}, publisher{all.service(), [] {
                                                        iox::popo::PublisherOptions options;
                                                        options.subscriberTooSlowPolicy =
                                                            iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
                                                        return options;
                                                      }()} {}
    bool send(const Word* message) {
      // The constructor cannot wait for this: with two channels each process makes its sender first.
      if (!connected && !(connected = publisher.hasSubscribers())) return false;
      bool sent = false;
      publisher.loan(static_cast<std::uint32_t>(size), 8).and_then([&](void* chunk) {
        if constexpr (InPlace) {
          Word* const words = static_cast<Word*>(chunk);
          loops::number_all(words, size, message[1]);
          words[0] = message[0];
        } else {
          std::memcpy(chunk, message, size);
        }
        publisher.publish(chunk);
        sent = true;
      });
      return sent;
    }
    std::size_t size;
    bool joined;
    bool connected = false;
    iox::popo::UntypedPublisher publisher;
  };

  struct Receiver {
    explicit Receiver(Iceoryx& all)
        : size{all.size()}, joined{join()}, subscriber{all.service(), [&] {
                                                         iox::popo::SubscriberOptions options;
                                                         options.queueCapacity = all.depth();
                                                         options.queueFullPolicy =
                                                             iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
                                                         return options;
                                                       }()} {}
    bool receive(Word* message) {
      bool received = false;
      subscriber.take().and_then([&](const void* chunk) {
        received = true;
        if constexpr (InPlace) {
          const Word* const words = static_cast<const Word*>(chunk);
          loops::summarise(words, size, message);
        } else {
          std::memcpy(message, chunk, size);
        }
        subscriber.release(chunk);
      });
      return received;
    }
    std::size_t size;
    bool joined;
    iox::popo::UntypedSubscriber subscriber;
  };
};

using IceoryxCopied = Iceoryx<false>;
struct IceoryxInPlace : Iceoryx<true> {
  static constexpr bool in_place = true;
  using Iceoryx<true>::Iceoryx;
};

#endif

} // namespace

#ifdef BENCH_HAS_ICEORYX
const Transport iceoryx = transport_of<IceoryxCopied>(copied);
const Transport iceoryx_in_place = transport_of<IceoryxInPlace>(in_place);
#else
const Transport iceoryx = missing_transport(copied, "libiceoryx-posh-dev");
const Transport iceoryx_in_place = missing_transport(in_place, "libiceoryx-posh-dev");
#endif

} // namespace bench
