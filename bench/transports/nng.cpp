// SPDX-License-Identifier: BSL-1.0
//
// nng: a push and a pull socket over ipc, which lose nothing.
#include "all.hpp"
#include "missing.hpp"

#ifdef BENCH_HAS_NNG
#include <string>

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <unistd.h>
#endif

namespace bench {

namespace {

constexpr Description about{
    .name = "nng",
    .setting = "push/pull over ipc, 100 messages; blocks, or its own threads would starve",
    .rival = true};

#ifdef BENCH_HAS_NNG

bool done(int result) {
  if (result == 0) return true;
  if (result == NNG_EAGAIN || result == NNG_ETIMEDOUT) return false;
  throw Unable{std::string{"nng: "} + ::nng_strerror(result)};
}

template <std::size_t Size>
struct Nng {
  const std::string path = std::string{"/tmp/"}.append(unique_name());
  const pid_t owner = ::getpid();

  Nng() = default;
  Nng(const Nng&) = delete;
  ~Nng() {
    if (::getpid() == owner) ::unlink(path.c_str());
  }

  struct Sender {
    explicit Sender(Nng& all) {
      done(::nng_push0_open(&socket));
      done(::nng_socket_set_int(socket, NNG_OPT_SENDBUF, 100));
      // Who dials before the other listens tries again at once.
      done(::nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, 1));
      done(::nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, 1));
      done(::nng_dial(socket, std::string{"ipc://"}.append(all.path).c_str(), nullptr, NNG_FLAG_NONBLOCK));
    }
    Sender(const Sender&) = delete;
    ~Sender() {
      ::usleep(100'000); // what it still has goes with the process
    }
    bool send(const Message<Size>& message) {
      return done(::nng_send(socket, const_cast<Message<Size>*>(&message), Size, NNG_FLAG_NONBLOCK));
    }
    nng_socket socket{};
  };
  struct Receiver {
    explicit Receiver(Nng& all) {
      done(::nng_pull0_open(&socket));
      done(::nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, 0));
      done(::nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, 1));
      done(::nng_listen(socket, std::string{"ipc://"}.append(all.path).c_str(), nullptr, 0));
    }
    bool receive(Message<Size>& message) {
      std::size_t size = Size;
      return done(::nng_recv(socket, &message, &size, 0));
    }
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
