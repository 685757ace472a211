// SPDX-License-Identifier: BSL-1.0
//
// nng: a push and a pull socket over ipc, which lose nothing.
#include "../transport.hpp"
#include "all.hpp"

#ifdef BENCH_HAS_NNG
#include "ipc_address.hpp"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#endif

namespace bench {

namespace {

constexpr Description about{
    .name = "nng",
    .setting = "push/pull over ipc, 100 messages; blocks: polling would starve its threads",
    .lossless = true,
    .sound = true};

#ifdef BENCH_HAS_NNG

bool succeeded(int result) {
  if (result == 0) return true;
  if (result == NNG_EAGAIN || result == NNG_ETIMEDOUT) return false;
  throw CannotMeasure{std::string{"nng: "} + ::nng_strerror(result)};
}

struct Nng : AnySize {
  using AnySize::AnySize;
  IpcAddress address;

  struct Sender {
    explicit Sender(Nng& all) : size{all.size()} {
      succeeded(::nng_push0_open(&socket));
      succeeded(::nng_socket_set_int(socket, NNG_OPT_SENDBUF, 100));
      // If the receiver does not listen yet, try again at once.
      succeeded(::nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, 1));
      succeeded(::nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, 1));
      succeeded(::nng_dial(socket, all.address.url.c_str(), nullptr, NNG_FLAG_NONBLOCK));
    }
    Sender(const Sender&) = delete;
    ~Sender() {
      ::usleep(100'000); // messages that are still in its buffer are lost with the process
    }
    bool send(const Word* message) {
      return succeeded(::nng_send(socket, const_cast<Word*>(message), size, NNG_FLAG_NONBLOCK));
    }
    std::size_t size;
    nng_socket socket{};
  };
  struct Receiver {
    explicit Receiver(Nng& all) : size{all.size()} {
      succeeded(::nng_pull0_open(&socket));
      succeeded(::nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, 0));
      succeeded(::nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, 1));
      succeeded(::nng_listen(socket, all.address.url.c_str(), nullptr, 0));
    }
    bool receive(Word* message) {
      std::size_t received = size;
      return succeeded(::nng_recv(socket, message, &received, 0));
    }
    std::size_t size;
    nng_socket socket{};
  };
};

#endif

} // namespace

#ifdef BENCH_HAS_NNG
const Transport nng = transport_of<Nng>(about);
#else
const Transport nng = missing_transport(about, "libnng-dev");
#endif

} // namespace bench
