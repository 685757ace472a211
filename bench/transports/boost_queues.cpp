// SPDX-License-Identifier: BSL-1.0
//
// boost_queues: Boost.Lockfree's ring for one sender and one receiver, put into shared memory, also with its
// calls for several messages at once; and Boost.Interprocess' message queue.
#include "../process.hpp"
#include "../transport.hpp"
#include "all.hpp"

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>

namespace bench {

namespace {

/// Its memory is at the same address in the processes that are started later, and shared with them.
template <class Value>
struct SharedAllocator {
  using value_type = Value;
  std::shared_ptr<SharedRegion> region;

  Value* allocate(std::size_t count) {
    region = std::make_shared<SharedRegion>(count * sizeof(Value));
    return static_cast<Value*>(static_cast<void*>(region->at(0)));
  }
  void deallocate(Value*, std::size_t) {}
};

template <std::size_t Size, std::size_t Batch>
struct Spsc : Sized<Size> {
  using Queue =
      boost::lockfree::spsc_queue<Message<Size>, boost::lockfree::allocator<SharedAllocator<Message<Size>>>>;
  explicit Spsc(const Setting& setting) : queue{new (region.at(0)) Queue{setting.slots(Size) - 1}} {}
  Spsc(const Spsc&) = delete;
  ~Spsc() {
    queue->~Queue();
  }
  SharedRegion region{sizeof(Queue)};
  Queue* const queue;

  struct Sender {
    explicit Sender(Spsc& spsc) : queue{spsc.queue} {}
    bool send(const Word* messages) {
      if constexpr (Batch == 1) return queue->push(message_at<Size>(messages));
      pushed += queue->push(&message_at<Size>(messages) + pushed, Batch - pushed);
      if (pushed < Batch) return false;
      pushed = 0;
      return true;
    }
    Queue* queue;
    std::size_t pushed = 0;
  };
  struct Receiver {
    explicit Receiver(Spsc& spsc) : queue{spsc.queue} {}
    std::size_t receive(Word* messages) {
      if constexpr (Batch == 1) return queue->pop(message_at<Size>(messages)) ? 1 : 0;
      return queue->pop(&message_at<Size>(messages), Batch);
    }
    Queue* queue;
  };
};
template <std::size_t Size>
struct SpscQueue : Spsc<Size, 1> {
  using Spsc<Size, 1>::Spsc;
};
template <std::size_t Size>
struct SpscBatches : Spsc<Size, 16> {
  static constexpr std::size_t batch = 16;
  using Spsc<Size, 16>::Spsc;
};

struct MessageQueue : AnySize {
  using Queue = boost::interprocess::message_queue;
  const std::string name = unique_name();
  Queue created;

  explicit MessageQueue(const Setting& setting)
      : AnySize{setting},
        created{boost::interprocess::create_only, name.c_str(), setting.slots(size()), size()} {}
  MessageQueue(const MessageQueue&) = delete;
  ~MessageQueue() {
    Queue::remove(name.c_str());
  }

  struct Side {
    explicit Side(MessageQueue& all)
        : queue{boost::interprocess::open_only, all.name.c_str()}, size{all.size()} {}
    Queue queue;
    std::size_t size;
  };
  struct Sender : Side {
    using Side::Side;
    bool send(const Word* message) {
      return queue.try_send(message, size, 0);
    }
  };
  struct Receiver : Side {
    using Side::Side;
    bool receive(Word* message) {
      Queue::size_type received = 0;
      unsigned priority = 0;
      return queue.try_receive(message, size, received, priority);
    }
  };
};

} // namespace

const Transport spsc_queue = transport_of<SpscQueue>(
    {.name = "Boost spsc_queue", .setting = "in shared memory", .lossless = true, .sound = true});
const Transport spsc_batches = transport_of<SpscBatches, 8, 48>({.name = "Boost spsc, batches",
                                                                 .setting = "push() and pop() of 16 messages",
                                                                 .lossless = true,
                                                                 .sound = true,
                                                                 .flat_out_only = true});
const Transport message_queue = transport_of<MessageQueue>(
    {.name = "Boost message_queue", .setting = "polls with try_receive()", .lossless = true, .sound = true});

} // namespace bench
