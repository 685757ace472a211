// SPDX-License-Identifier: BSL-1.0
#include "region.hpp"

#include <boost/interprocess/mapped_region.hpp>

namespace seqcast::inline v1::detail {

namespace ipc = boost::interprocess;

namespace {

/// What mapped_region asks of a file: only its descriptor, and on Windows whether it is a section already.
struct Mappable {
  const platform::Handle& handle;

  template <class MappingHandle>
  void mark_section(MappingHandle& mapped) const {
    if constexpr (requires { mapped.is_shm; }) mapped.is_shm = handle.is_section();
  }

  ipc::mapping_handle_t get_mapping_handle() const {
    auto mapped = ipc::ipcdetail::mapping_handle_from_file_handle(handle.id());
    mark_section(mapped);
    return mapped;
  }
};

// A hostile sparse file could be larger than what can be touched in reasonable time.
constexpr std::uint64_t most_prefaulted = std::uint64_t{1} << 30;

} // namespace

struct Mapping::Impl {
  ipc::mapped_region region;
  // These end before the mapping does.
  platform::MappedWords words = {};
  platform::TruncationGuard guard = {};
};

Mapping::Mapping() noexcept = default;
Mapping::Mapping(Mapping&&) noexcept = default;
Mapping& Mapping::operator=(Mapping&&) noexcept = default;
Mapping::~Mapping() = default;

Mapping Mapping::map(const platform::Handle& handle, platform::Access access, std::uint64_t size,
                     std::error_code& error) {
  Mapping mapping;
  if (size != static_cast<std::size_t>(size)) { // a 32-bit process
    error = std::make_error_code(std::errc::not_enough_memory);
    return mapping;
  }
  const auto map_at = [&](const void* address) {
    error.clear();
    try {
      const ipc::mode_t mode = access == platform::Access::read_only ? ipc::read_only : ipc::read_write;
      mapping.impl_ = std::make_unique<Impl>(
          Impl{ipc::mapped_region{Mappable{handle}, mode, 0, static_cast<std::size_t>(size), address}});
      mapping.impl_->words =
          platform::MappedWords::announce(handle, mapping.impl_->region.get_address(), size, error);
    } catch (const ipc::interprocess_exception& failure) {
      error = {failure.get_native_error(), std::system_category()};
    }
  };
  // Where huge pages fit, whether or not there are any: a publisher's are a subscriber's too.
  const void* const address = platform::address_for_huge_pages(static_cast<std::size_t>(size));
  map_at(address);
  if (error && address != nullptr) map_at(nullptr); // somebody was faster
  return mapping;
}

Word* Mapping::words() const noexcept {
  return words_at(impl_->region.get_address());
}

const Word* Mapping::read_only_words() const noexcept {
  return words_at(static_cast<const void*>(impl_->region.get_address()));
}

std::uint64_t Mapping::size() const noexcept {
  return impl_ ? impl_->region.get_size() : 0;
}

void Mapping::survive_truncation(platform::Access access, std::error_code& error) {
  impl_->guard = platform::TruncationGuard::protect(impl_->region.get_address(), size(), access, error);
}

bool Mapping::survives_truncation() const noexcept {
  return impl_ && impl_->guard;
}

bool Mapping::truncated() const noexcept {
  return impl_ && impl_->guard.truncated();
}

void Mapping::give_up() const noexcept {
  impl_->guard.give_up();
}

void Mapping::use_huge_pages() const noexcept {
  platform::use_huge_pages(impl_->region.get_address(), impl_->region.get_size());
}

void Mapping::prefault(platform::Access access, bool lock, std::error_code& error) const noexcept {
  if (lock) platform::lock_memory(impl_->region.get_address(), impl_->region.get_size(), error);
  if (error) return;
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

Identity load_identity(const Word* words) noexcept {
  IdentityWords copy{};
  // [identity] acquire: pairs with the release in store_magic().
  // Otherwise the magic could be seen before the fields that it vouches for.
  copy[0] = words[0].load(std::memory_order_acquire);
  if (copy[0] == magic) {
    for (std::size_t i = 1; i < copy.size(); ++i) {
      copy[i] = words[i].load(std::memory_order_relaxed); // relaxed: the acquire above orders it
    }
  }
  return std::bit_cast<Identity>(copy);
}

void store_identity(Word* words, const Identity& identity) noexcept {
  const auto copy = std::bit_cast<IdentityWords>(identity);
  for (std::size_t i = 1; i < copy.size(); ++i) {
    words[i].store(copy[i], std::memory_order_relaxed); // relaxed: the release below orders it
  }
  store_magic(words, copy[0]);
}

void store_magic(Word* words, std::uint64_t number) noexcept {
  // [identity] release: pairs with the acquire in load_identity().
  // Otherwise the magic could be seen before the fields that it vouches for.
  words[0].store(number, std::memory_order_release);
}

} // namespace seqcast::inline v1::detail
