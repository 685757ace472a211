// SPDX-License-Identifier: BSL-1.0
//
// zeromq: a PUSH and a PULL socket over ipc, which lose nothing.
#include "../transport.hpp"
#include "all.hpp"

#ifdef BENCH_HAS_ZEROMQ
#include "ipc_address.hpp"

#include <cerrno>

#include <zmq.h>
#endif

namespace bench {

namespace {

constexpr Description about{
    .name = "ZeroMQ",
    .setting = "PUSH/PULL over ipc, 1000 messages; blocks: polling would starve its threads",
    .lossless = true,
    .sound = true};

#ifdef BENCH_HAS_ZEROMQ

struct ZeroMq : AnySize {
  using AnySize::AnySize;
  IpcAddress address;

  struct Socket {
    Socket(const ZeroMq& all, int type)
        : size{all.size()}, context{::zmq_ctx_new()}, socket{::zmq_socket(context, type)} {
      const int linger_ms = 500;
      ::zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
      // If the receiver is not bound yet, the sender tries again at once; and no receive blocks for ever.
      const int retry_ms = 1;
      ::zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &retry_ms, sizeof retry_ms);
      ::zmq_setsockopt(socket, ZMQ_RCVTIMEO, &retry_ms, sizeof retry_ms);
      const char* const url = all.address.url.c_str();
      succeeded(type == ZMQ_PULL ? ::zmq_bind(socket, url) : ::zmq_connect(socket, url));
    }
    Socket(const Socket&) = delete;
    ~Socket() {
      ::zmq_close(socket);
      ::zmq_ctx_term(context);
    }
    bool succeeded(int result) const {
      if (result >= 0) return true;
      if (errno == EAGAIN) return false;
      throw CannotMeasure{std::string{"ZeroMQ: "} + ::zmq_strerror(errno)};
    }
    std::size_t size;
    void* context;
    void* socket;
  };

  struct Sender : Socket {
    explicit Sender(ZeroMq& all) : Socket{all, ZMQ_PUSH} {}
    bool send(const Word* message) {
      return succeeded(::zmq_send(socket, message, size, ZMQ_DONTWAIT));
    }
  };
  struct Receiver : Socket {
    explicit Receiver(ZeroMq& all) : Socket{all, ZMQ_PULL} {}
    bool receive(Word* message) {
      return succeeded(::zmq_recv(socket, message, size, 0));
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
