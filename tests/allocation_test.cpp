// SPDX-License-Identifier: BSL-1.0
//
// The data path does not allocate: this program counts every operator new, and publish(), next() and latest(),
// typed and bytes, with and without a message, do not change the count.
#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>
#include "support/temporary.hpp"

#include <atomic>
#include <new>
#include <vector>

namespace {

std::atomic<std::uint64_t> allocations{0};

void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* const memory = test::allocate_aligned(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc{};
  return memory;
}

} // namespace

// The array and nothrow forms call these.
void* operator new(std::size_t size) {
  return counted(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  test::free_aligned(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  test::free_aligned(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  test::free_aligned(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  test::free_aligned(memory);
}

using namespace seqcast;

namespace {

template <class Work>
std::uint64_t allocations_in(const Work& work) {
  const std::uint64_t before = allocations;
  work();
  return allocations - before;
}

struct Quote {
  std::array<double, 6> values;
};

} // namespace

TEST_CASE("an allocation is counted") {
  CHECK(allocations_in([] { std::vector<int>(100).at(5) = 1; }) == 1);
  CHECK(allocations_in([] { const std::string text(100, 'x'); }) == 1);
}

TEST_CASE("publish(), next() and latest() of a typed channel do not allocate") {
  for (const bool timestamps : {false, true}) {
    for (const Wakeup wakeup : {Wakeup::polling, Wakeup::every_message, Wakeup::bell}) {
      const test::TemporaryFolder folder;
      Publisher<Quote> publisher{folder.channel(), {.capacity = 8, .timestamps = timestamps, .wakeup = wakeup}};
      Subscriber<Quote> subscriber{folder.channel()};
      std::uint64_t received = 0;
      CHECK(allocations_in([&] {
              for (int i = 0; i < 200; ++i) { // with overruns
                publisher.publish({});
                if (i % 20 != 0) continue;
                while (subscriber.next()) ++received;
                received += subscriber.latest() ? 1 : 0;
                received += subscriber.next() ? 1 : 0;
                (void)subscriber.lag();
              }
            }) == 0);
      CHECK(received >= 20);
    }
  }
}

TEST_CASE("publish(), next() and latest() of a channel of bytes do not allocate") {
  const test::TemporaryFolder folder;
  BytePublisher publisher{folder.channel(), {.capacity = 8}};
  ByteSubscriber subscriber{folder.channel()};
  std::array<std::byte, 4> small{};
  const std::string_view text = "a message of text";
  const auto bytes = std::as_bytes(std::span{text.data(), text.size()});
  std::uint64_t received = 0;
  CHECK(allocations_in([&] {
          for (int i = 0; i < 100; ++i) {
            publisher.publish(text);
            publisher.publish(bytes);
            publisher.publish({bytes, bytes, bytes});
            received += subscriber.next(small) ? 1 : 0; // too small
            while (subscriber.next()) ++received;
            received += subscriber.latest() ? 1 : 0;
          }
        }) == 0);
  CHECK(received == 400);
}
