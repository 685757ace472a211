// SPDX-License-Identifier: BSL-1.0
#include "region.hpp"

#include <seqcast/detail/header.hpp>
#include <seqcast/detail/ring.hpp>

namespace seqcast::inline v1::detail {

namespace ipc = boost::interprocess;

namespace {

/// What mapped_region asks of a file: its descriptor, and on Windows whether it is a section already.
struct Mappable {
  const platform::Handle& handle;

  template <class MappingHandle, class Handle>
  static void mark_section(MappingHandle& mapped, const Handle& file) {
    if constexpr (requires { mapped.is_shm; }) mapped.is_shm = file.is_section();
  }

  ipc::mapping_handle_t get_mapping_handle() const {
    auto mapped = ipc::ipcdetail::mapping_handle_from_file_handle(handle.id());
    mark_section(mapped, handle);
    return mapped;
  }
};

ipc::mapped_region map(const platform::Handle& handle, platform::Access access, std::uint64_t size) {
  try {
    const ipc::mode_t mode = access == platform::Access::read_only ? ipc::read_only : ipc::read_write;
    return ipc::mapped_region{Mappable{handle}, mode, 0, static_cast<std::size_t>(size)};
  } catch (const ipc::interprocess_exception& failure) {
    fail({failure.get_native_error(), std::system_category()},
         "the " + std::to_string(size) + " bytes of the file cannot be mapped");
  }
}

// A hostile sparse file could be larger than what can be touched in reasonable time.
constexpr std::uint64_t most_prefaulted = std::uint64_t{1} << 30;

} // namespace

Mapping::Mapping(const platform::Handle& handle, platform::Access access, std::uint64_t size,
                 bool survive_truncation)
    : region_{map(handle, access, platform::mapped_size(handle, size))} {
  std::error_code error;
  words_ = platform::MappedWords::add(handle, region_.get_address(), this->size(), error);
  if (error) fail(error, "the file that was mapped cannot be identified");
  if (!survive_truncation) return;
  guard_ = platform::TruncationGuard::protect(region_.get_address(), this->size(), access, error);
  if (error) fail(error, "the mapping cannot be protected against a truncation of the file");
}

// In the order of destruction.
Mapping& Mapping::operator=(Mapping&& other) noexcept {
  guard_ = std::move(other.guard_);
  words_ = std::move(other.words_);
  region_ = std::move(other.region_);
  return *this;
}

void Mapping::prefault(platform::Access access, bool lock) const {
  if (lock) {
    std::error_code error;
    platform::lock_memory(region_.get_address(), region_.get_size(), error);
    if (error) {
      fail(error,
           "the " + std::to_string(size()) +
               " bytes of the region may not be locked in memory; raise the limit (ulimit -l, LimitMEMLOCK=), "
               "or leave lock_memory out");
    }
  }
  const std::size_t step = ipc::mapped_region::get_page_size() / word_size;
  const std::size_t end = static_cast<std::size_t>(std::min(size(), most_prefaulted)) / word_size;
  if (access == platform::Access::read_only) {
    const Word* const words = read_only_words();
    for (std::size_t i = 0; i < end; i += step) {
      (void)words[i].load(std::memory_order_relaxed); // relaxed: the value is not used
    }
  } else {
    Word* const all = words();
    for (std::size_t i = 0; i < end; i += step) {
      // relaxed, and no read-modify-write: only the holder of the lock stores anything here.
      all[i].store(all[i].load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
  }
}

platform::Boot boot_of_machine() {
  std::error_code error;
  const platform::Boot boot = platform::current_boot(error);
  if (error) fail(error, "the system does not give the id of this boot");
  return boot;
}

bool of_this_boot(const platform::Handle& handle, const Word* words, const platform::Boot& boot) noexcept {
  constexpr std::array<std::uint64_t, 2> unknown{};
  constexpr std::uint64_t tolerance_ns = 2'000'000'000; // no machine starts anew in less
  if (platform::in_memory(handle)) return true;
  const SubscriberHeader<HardwarePolicy> header{words};
  const auto id = header.boot_id();
  const std::uint64_t time_ns = header.boot_time();
  if (id == boot.id && (id != unknown || time_ns == 0 || boot.time_ns == 0)) return true;
  // A container may have an id of its own, and its restart another one.
  if (time_ns == 0 || boot.time_ns == 0) return false;
  return std::max(time_ns, boot.time_ns) - std::min(time_ns, boot.time_ns) < tolerance_ns;
}

Identity load_identity(const Word* words) noexcept {
  IdentityWords copy{};
  // [identity] acquire: pairs with the release in store_magic().
  // Otherwise the magic could be seen before the fields that it covers.
  copy[0] = words[0].load(std::memory_order_acquire);
  if (copy[0] == magic) {
    for (std::size_t i = 1; i < copy.size(); ++i) {
      copy[i] = words[i].load(std::memory_order_relaxed); // relaxed: the acquire above orders it
    }
  }
  return std::bit_cast<Identity>(copy);
}

std::string load_format(const Word* words, const Identity& identity) {
  std::string format(identity.format_size, '\0');
  for (std::size_t at = 0; at < format.size(); at += word_size) {
    // relaxed: the acquire in load_identity() orders it
    const std::uint64_t word = words[(header_size + at) / word_size].load(std::memory_order_relaxed);
    std::memcpy(&format[at], &word, std::min(word_size, format.size() - at));
  }
  return format;
}

void store_identity(Word* words, const Identity& identity, std::string_view format) noexcept {
  for (std::size_t at = 0; at < format.size(); at += word_size) {
    std::uint64_t word = 0;
    std::memcpy(&word, &format[at], std::min(word_size, format.size() - at));
    // relaxed: the release below orders it
    words[(header_size + at) / word_size].store(word, std::memory_order_relaxed);
  }
  const auto copy = std::bit_cast<IdentityWords>(identity);
  for (std::size_t i = 1; i < copy.size(); ++i) {
    words[i].store(copy[i], std::memory_order_relaxed); // relaxed: the release below orders it
  }
  store_magic(words, copy[0]);
}

void store_magic(Word* words, std::uint64_t number) noexcept {
  // [identity] release: pairs with the acquire in load_identity().
  // Otherwise the magic could be seen before the fields that it covers.
  words[0].store(number, std::memory_order_release);
}

} // namespace seqcast::inline v1::detail
