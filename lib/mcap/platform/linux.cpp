// SPDX-License-Identifier: BSL-1.0
//
// linux: files by descriptor, for file.hpp.
#include "file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace mcap {

namespace {

std::error_code last_error() noexcept {
  return {errno, std::generic_category()};
}

class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_{number} {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const noexcept {
    return number_;
  }

 private:
  int number_;
};

class FileSink final : public Sink {
 public:
  FileSink(int descriptor, std::string name) : file_{descriptor}, name_{std::move(name)} {}

  const std::string& name() const noexcept override {
    return name_;
  }

  void write(std::span<const Bytes> parts) override {
    std::array<iovec, 16> vectors;
    while (!parts.empty()) {
      const std::size_t count = std::min(parts.size(), vectors.size());
      for (std::size_t i = 0; i < count; ++i) {
        vectors[i] = {const_cast<std::byte*>(parts[i].data()), parts[i].size()};
      }
      write_all({vectors.data(), count});
      parts = parts.subspan(count);
    }
    begin_write_back();
  }

  bool truncate(std::uint64_t size) noexcept override {
    const auto end = static_cast<off_t>(size);
    size_ = size;
    given_back_ = std::min(given_back_, size_);
    return ::ftruncate(file_.number(), end) == 0 && ::lseek(file_.number(), end, SEEK_SET) == end;
  }

  void sync() override {
    require_synced(::fdatasync(file_.number()));
    if (!std::exchange(has_name_, true)) sync_folder();
  }

 private:
  void require_synced(int result) const {
    // Pipes and the like have nothing to sync.
    if (result != 0 && errno != EINVAL && errno != EROFS)
      fail(last_error(), name_, "cannot be synced to the disk");
  }

  /// Otherwise a power cut could take the name of a new file. Who may not read the folder has to do without.
  void sync_folder() const {
    const std::string path = name_.substr(0, name_.rfind('/') + 1); // nothing if there is no slash
    const Descriptor folder{::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (folder.number() >= 0) require_synced(::fsync(folder.number()));
  }

  void write_all(std::span<iovec> vectors) {
    while (!vectors.empty()) {
      const ssize_t written = ::writev(file_.number(), vectors.data(), static_cast<int>(vectors.size()));
      if (written < 0) {
        if (errno == EINTR) continue;
        fail(last_error(), name_, "cannot be written");
      }
      auto rest = static_cast<std::size_t>(written);
      size_ += rest;
      while (!vectors.empty() && rest >= vectors.front().iov_len) {
        rest -= vectors.front().iov_len;
        vectors = vectors.subspan(1);
      }
      if (vectors.empty()) break;
      // A file system that accepts nothing and reports no error would be asked for ever.
      if (written == 0) fail(std::make_error_code(std::errc::io_error), name_, "cannot be written");
      vectors.front().iov_base = static_cast<std::byte*>(vectors.front().iov_base) + rest;
      vectors.front().iov_len -= rest;
    }
  }

  /// Has the kernel begin to write what is new to the disk, without waiting for it. Otherwise it would all be left to
  /// sync(), and nothing else could be written meanwhile. A file system that cannot do that is no failure.
  void begin_write_back() noexcept {
    constexpr std::uint64_t worth_it = std::uint64_t{1} << 20;
    if (size_ - given_back_ < worth_it) return;
    ::sync_file_range(file_.number(), static_cast<off_t>(given_back_), static_cast<off_t>(size_ - given_back_),
                      SYNC_FILE_RANGE_WRITE);
    given_back_ = size_;
  }

  Descriptor file_;
  std::string name_;
  std::uint64_t size_ = 0;
  bool has_name_ = false;        // on the disk
  std::uint64_t given_back_ = 0; // bytes that the kernel writes to the disk, or has written
};

class FileSource final : public Source {
 public:
  FileSource(int descriptor, std::string name) : file_{descriptor}, name_{std::move(name)} {
    struct stat status {};
    if (::fstat(file_.number(), &status) != 0) fail(last_error(), name_, "cannot be read");
    if (!S_ISREG(status.st_mode)) {
      throw Failure{std::make_error_code(std::errc::invalid_argument),
                    name_ + " is not a regular file, and a recording is read from a regular file only"};
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
  }

  const std::string& name() const noexcept override {
    return name_;
  }
  std::uint64_t size() const noexcept override {
    return size_;
  }

  void read(std::uint64_t offset, std::span<std::byte> bytes) const override {
    while (!bytes.empty()) {
      const ssize_t count = ::pread(file_.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail(last_error(), name_, "cannot be read");
      if (count == 0) fail_at(name_, offset, "the file has become shorter while it was read");
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
  }

 private:
  Descriptor file_;
  std::string name_;
  std::uint64_t size_ = 0;
};

} // namespace

std::unique_ptr<Sink> create_file(const std::string& path, bool replace) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (replace ? O_TRUNC : O_EXCL);
  const int descriptor = ::open(path.c_str(), flags, 0666);
  if (descriptor < 0) fail(last_error(), path, "cannot be created");
  return std::make_unique<FileSink>(descriptor, path);
}

std::unique_ptr<Source> open_file(const std::string& path) {
  // Without waiting for the other end of a pipe, which is refused then.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (descriptor < 0) fail(last_error(), path, "cannot be opened");
  return std::make_unique<FileSource>(descriptor, path);
}

} // namespace mcap
