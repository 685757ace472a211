// SPDX-License-Identifier: BSL-1.0
//
// kernel: what the operating system has: a pipe, a UNIX datagram socket and a POSIX message queue. All of them
// are polled without blocking, which is faster than being woken.
#include "../transport.hpp"
#include "all.hpp"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <mqueue.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

namespace {

[[noreturn]] void unable(const char* what) {
  throw Unable{std::string{what} + ": " + std::strerror(errno)};
}

/// Whether a call did all it was asked for; false where there was no room, or nothing there.
bool done(ssize_t result, std::size_t size) {
  if (result == static_cast<ssize_t>(size)) return true;
  if (result < 0 && (errno == EAGAIN || errno == ENOBUFS)) return false;
  unable("a message did not get through");
}

template <std::size_t Size>
struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() {
    if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) unable("pipe");
    ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
  }
  Pipe(const Pipe&) = delete;
  ~Pipe() {
    for (const int end : ends) ::close(end);
  }

  // A pipe is a stream: what goes in or comes out in parts is put together here.
  struct Part {
    std::size_t size = 0;
    /// Whether the message is through, after `moved` more of its bytes.
    bool add(ssize_t moved) {
      if (moved < 0 && errno != EAGAIN) unable("pipe");
      if (moved > 0) size += static_cast<std::size_t>(moved);
      if (size < Size) return false;
      size = 0;
      return true;
    }
  };
  struct Sender {
    explicit Sender(Pipe& pipe) : fd{pipe.ends[1]} {}
    bool send(const Message<Size>& message) {
      const auto* bytes = static_cast<const std::byte*>(static_cast<const void*>(&message));
      return part.add(::write(fd, bytes + part.size, Size - part.size));
    }
    int fd;
    Part part;
  };
  struct Receiver {
    explicit Receiver(Pipe& pipe) : fd{pipe.ends[0]} {}
    bool receive(Message<Size>& message) {
      auto* bytes = static_cast<std::byte*>(static_cast<void*>(&message));
      return part.add(::read(fd, bytes + part.size, Size - part.size));
    }
    int fd;
    Part part;
  };
};

template <std::size_t Size>
struct Datagram {
  std::array<int, 2> ends{-1, -1};
  Datagram() {
    if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0)
      unable("socketpair");
    const int room = 1 << 23;
    for (const int end : ends) {
      // Above the system's limit where this user may; otherwise up to it.
      if (::setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0) {
        ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
      }
    }
  }
  Datagram(const Datagram&) = delete;
  ~Datagram() {
    for (const int end : ends) ::close(end);
  }

  struct Sender {
    explicit Sender(Datagram& socket) : fd{socket.ends[0]} {}
    bool send(const Message<Size>& message) {
      return done(::send(fd, &message, Size, 0), Size);
    }
    int fd;
  };
  struct Receiver {
    explicit Receiver(Datagram& socket) : fd{socket.ends[1]} {}
    bool receive(Message<Size>& message) {
      return done(::recv(fd, &message, Size, 0), Size);
    }
    int fd;
  };
};

template <std::size_t Size>
struct PosixQueue {
  mqd_t queue = -1;
  PosixQueue() {
    const std::string name = std::string{"/"}.append(unique_name());
    struct mq_attr shape {};
    shape.mq_maxmsg = 10;
    shape.mq_msgsize = Size;
    queue = ::mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600, &shape);
    if (queue < 0) unable("mq_open (see /proc/sys/fs/mqueue/msgsize_max)");
    ::mq_unlink(name.c_str());
  }
  PosixQueue(const PosixQueue&) = delete;
  ~PosixQueue() {
    ::mq_close(queue);
  }

  struct Sender {
    explicit Sender(PosixQueue& all) : queue{all.queue} {}
    bool send(const Message<Size>& message) {
      return done(::mq_send(queue, static_cast<const char*>(static_cast<const void*>(&message)), Size, 0), 0);
    }
    mqd_t queue;
  };
  struct Receiver {
    explicit Receiver(PosixQueue& all) : queue{all.queue} {}
    bool receive(Message<Size>& message) {
      return done(::mq_receive(queue, static_cast<char*>(static_cast<void*>(&message)), Size, nullptr), Size);
    }
    mqd_t queue;
  };
};

} // namespace

const Transport pipe_ =
    transport_of<Pipe>({.name = "pipe", .setting = "1 MiB of buffer; polls without blocking", .rival = true});
const Transport datagram = transport_of<Datagram>(
    {.name = "UNIX datagram", .setting = "8 MiB of buffer; polls without blocking", .rival = true});
const Transport posix_queue = transport_of<PosixQueue>(
    {.name = "POSIX queue", .setting = "10 messages; polls without blocking", .rival = true});

} // namespace bench
