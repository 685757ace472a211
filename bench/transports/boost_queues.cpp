// SPDX-License-Identifier: BSL-1.0
//
// boost_queues: Boost.Lockfree's ring for one sender and one receiver, put into shared memory, and
// Boost.Interprocess' message queue.
#include "../process.hpp"
#include "../shared_region.hpp"
#include "../transport.hpp"
#include "all.hpp"

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>

namespace bench {

namespace {

/// As many messages as fit into 1 MiB, 8 to 1024: seqcast's default.
template <std::size_t Size>
constexpr std::size_t depth = std::clamp<std::size_t>((1 << 20) / Size, 8, 1024);

template <std::size_t Size>
struct SpscQueue {
  using Queue = boost::lockfree::spsc_queue<Message<Size>, boost::lockfree::capacity<depth<Size>>>;
  SharedRegion region{sizeof(Queue)};
  Queue* const queue = new (region.at(0)) Queue;

  struct Sender {
    explicit Sender(SpscQueue& spsc) : queue{spsc.queue} {}
    bool send(const Message<Size>& message) {
      return queue->push(message);
    }
    Queue* queue;
  };
  struct Receiver {
    explicit Receiver(SpscQueue& spsc) : queue{spsc.queue} {}
    bool receive(Message<Size>& message) {
      return queue->pop(message);
    }
    Queue* queue;
  };
};

template <std::size_t Size>
struct MessageQueue {
  using Queue = boost::interprocess::message_queue;
  const std::string name = unique_name();
  Queue created{boost::interprocess::create_only, name.c_str(), depth<Size>, Size};

  MessageQueue() = default;
  MessageQueue(const MessageQueue&) = delete;
  ~MessageQueue() {
    Queue::remove(name.c_str());
  }

  struct Sender {
    explicit Sender(MessageQueue& all) : queue{boost::interprocess::open_only, all.name.c_str()} {}
    bool send(const Message<Size>& message) {
      return queue.try_send(&message, Size, 0);
    }
    Queue queue;
  };
  struct Receiver {
    explicit Receiver(MessageQueue& all) : queue{boost::interprocess::open_only, all.name.c_str()} {}
    bool receive(Message<Size>& message) {
      Queue::size_type size = 0;
      unsigned priority = 0;
      return queue.try_receive(&message, Size, size, priority);
    }
    Queue queue;
  };
};

} // namespace

const Transport spsc_queue = transport_of<SpscQueue>(
    {.name = "Boost spsc_queue", .setting = "in shared memory, 8 to 1024 messages; polls", .rival = true});
const Transport message_queue = transport_of<MessageQueue>(
    {.name = "Boost message_queue", .setting = "8 to 1024 messages; polls with try_receive()", .rival = true});

} // namespace bench
