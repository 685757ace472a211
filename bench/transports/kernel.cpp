// SPDX-License-Identifier: BSL-1.0
//
// kernel: what the operating system offers: a pipe, a UNIX datagram socket and a POSIX message queue. All are
// polled without blocking, which is faster than a wake-up.
#include "../process.hpp"
#include "../transport.hpp"
#include "all.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <mqueue.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

namespace {

[[noreturn]] void fail(const char* what) {
  throw CannotMeasure{std::string{what} + ": " + std::strerror(errno)};
}

/// Whether a call transferred the whole message; false if there was no room, or no message.
bool transferred(ssize_t result, std::size_t size) {
  if (result == static_cast<ssize_t>(size)) return true;
  if (result < 0 && (errno == EAGAIN || errno == ENOBUFS)) return false;
  fail("a message was not transferred");
}

/// Two connected descriptors; the sender writes to the second one.
struct DescriptorPair {
  std::array<int, 2> ends{-1, -1};

  DescriptorPair() = default;
  DescriptorPair(const DescriptorPair&) = delete;
  ~DescriptorPair() {
    for (const int end : ends) ::close(end);
  }
};

struct Pipe : AnySize, DescriptorPair {
  explicit Pipe(const Setting& setting) : AnySize{setting} {
    if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) fail("pipe");
    ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
  }

  /// A pipe is a stream: a message may take several calls.
  struct Progress {
    std::size_t size;
    std::size_t done = 0;
    /// Whether the message is complete after a call with this result.
    bool add(ssize_t result) {
      if (result < 0 && errno != EAGAIN) fail("pipe");
      if (result > 0) done += static_cast<std::size_t>(result);
      if (done < size) return false;
      done = 0;
      return true;
    }
  };
  struct Sender {
    explicit Sender(Pipe& pipe) : fd{pipe.ends[1]}, written{pipe.size()} {}
    bool send(const Word* message) {
      const auto* bytes = static_cast<const std::byte*>(static_cast<const void*>(message));
      return written.add(::write(fd, bytes + written.done, written.size - written.done));
    }
    int fd;
    Progress written;
  };
  struct Receiver {
    explicit Receiver(Pipe& pipe) : fd{pipe.ends[0]}, received{pipe.size()} {}
    bool receive(Word* message) {
      auto* bytes = static_cast<std::byte*>(static_cast<void*>(message));
      return received.add(::read(fd, bytes + received.done, received.size - received.done));
    }
    int fd;
    Progress received;
  };
};

struct Datagram : AnySize, DescriptorPair {
  explicit Datagram(const Setting& setting) : AnySize{setting} {
    if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      fail("socketpair");
    }
    const int room = 1 << 23;
    for (const int end : ends) {
      // SO_SNDBUFFORCE exceeds the system's limit, and needs a privilege.
      if (::setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0) {
        ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
      }
    }
  }

  struct Sender {
    explicit Sender(Datagram& socket) : fd{socket.ends[1]}, size{socket.size()} {}
    bool send(const Word* message) {
      return transferred(::send(fd, message, size, 0), size);
    }
    int fd;
    std::size_t size;
  };
  struct Receiver {
    explicit Receiver(Datagram& socket) : fd{socket.ends[0]}, size{socket.size()} {}
    bool receive(Word* message) {
      return transferred(::recv(fd, message, size, 0), size);
    }
    int fd;
    std::size_t size;
  };
};

struct PosixQueue : AnySize {
  mqd_t queue = -1;
  explicit PosixQueue(const Setting& setting) : AnySize{setting} {
    const std::string name = std::string{"/"}.append(unique_name());
    struct mq_attr attributes {};
    attributes.mq_maxmsg = 10;
    attributes.mq_msgsize = static_cast<long>(size());
    queue = ::mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600, &attributes);
    if (queue < 0) fail("mq_open (see /proc/sys/fs/mqueue/msgsize_max)");
    ::mq_unlink(name.c_str());
  }
  PosixQueue(const PosixQueue&) = delete;
  ~PosixQueue() {
    ::mq_close(queue);
  }

  struct Sender {
    explicit Sender(PosixQueue& all) : queue{all.queue}, size{all.size()} {}
    bool send(const Word* message) {
      return transferred(::mq_send(queue, static_cast<const char*>(static_cast<const void*>(message)), size, 0),
                         0);
    }
    mqd_t queue;
    std::size_t size;
  };
  struct Receiver {
    explicit Receiver(PosixQueue& all) : queue{all.queue}, size{all.size()} {}
    bool receive(Word* message) {
      return transferred(::mq_receive(queue, static_cast<char*>(static_cast<void*>(message)), size, nullptr),
                         size);
    }
    mqd_t queue;
    std::size_t size;
  };
};

} // namespace

const Transport pipe_ = transport_of<Pipe>(
    {.name = "pipe", .setting = "1 MiB of buffer; polls without blocking", .lossless = true, .sound = true});
const Transport datagram = transport_of<Datagram>({.name = "UNIX datagram",
                                                   .setting = "8 MiB of buffer; polls without blocking",
                                                   .lossless = true,
                                                   .sound = true});
const Transport posix_queue = transport_of<PosixQueue>(
    {.name = "POSIX queue", .setting = "10 messages; polls without blocking", .lossless = true, .sound = true});

} // namespace bench
