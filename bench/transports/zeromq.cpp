// SPDX-License-Identifier: BSL-1.0
//
// zeromq: a PUSH and a PULL socket over ipc, which lose nothing.
#include "all.hpp"
#include "missing.hpp"

#ifdef BENCH_HAS_ZEROMQ
#include <cerrno>
#include <cstring>
#include <string>

#include <unistd.h>
#include <zmq.h>
#endif

namespace bench {

namespace {

constexpr Description about{
    .name = "ZeroMQ",
    .setting = "PUSH/PULL over ipc, 1000 messages; blocks, or its own threads would starve",
    .rival = true};

#ifdef BENCH_HAS_ZEROMQ

template <std::size_t Size>
struct ZeroMq {
  const std::string path = std::string{"/tmp/"}.append(unique_name());
  const pid_t owner = ::getpid();

  ZeroMq() = default;
  ZeroMq(const ZeroMq&) = delete;
  ~ZeroMq() {
    if (::getpid() == owner) ::unlink(path.c_str());
  }

  struct Socket {
    Socket(const ZeroMq& all, int type) : context{::zmq_ctx_new()}, socket{::zmq_socket(context, type)} {
      const int patience_ms = 500;
      ::zmq_setsockopt(socket, ZMQ_LINGER, &patience_ms, sizeof patience_ms);
      // Who connects before the other has bound tries again at once, and who receives does not block for ever.
      const int soon_ms = 1;
      ::zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &soon_ms, sizeof soon_ms);
      ::zmq_setsockopt(socket, ZMQ_RCVTIMEO, &soon_ms, sizeof soon_ms);
      const std::string address = std::string{"ipc://"}.append(all.path);
      const int result =
          type == ZMQ_PULL ? ::zmq_bind(socket, address.c_str()) : ::zmq_connect(socket, address.c_str());
      if (result != 0) throw Unable{std::string{"ZeroMQ: "} + ::zmq_strerror(errno)};
    }
    Socket(const Socket&) = delete;
    bool done(int result) const {
      if (result >= 0) return true;
      if (errno == EAGAIN) return false;
      throw Unable{std::string{"ZeroMQ: "} + ::zmq_strerror(errno)};
    }
    ~Socket() {
      ::zmq_close(socket);
      ::zmq_ctx_term(context);
    }
    void* context;
    void* socket;
  };

  struct Sender : Socket {
    explicit Sender(ZeroMq& all) : Socket{all, ZMQ_PUSH} {}
    bool send(const Message<Size>& message) {
      return this->done(::zmq_send(this->socket, &message, Size, ZMQ_DONTWAIT));
    }
  };
  struct Receiver : Socket {
    explicit Receiver(ZeroMq& all) : Socket{all, ZMQ_PULL} {}
    bool receive(Message<Size>& message) {
      return this->done(::zmq_recv(this->socket, &message, Size, 0));
    }
  };
};

#endif

} // namespace

#ifdef BENCH_HAS_ZEROMQ
const Transport zeromq = transport_of<ZeroMq>(about);
#else
const Transport zeromq = missing_transport(about, "libzmq3-dev");
#endif

} // namespace bench
