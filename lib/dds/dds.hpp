// SPDX-License-Identifier: BSL-1.0
//
// dds: owners for what the C interface of Cyclone DDS gives out. All else is called as it is.
//
// Who may call it: any thread, one object at a time; Cyclone's own functions are safe from several threads.
#pragma once

#include <dds/dds.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace mirror {

/// The result of a call of Cyclone. Errors: throws cli::Failure with "cannot WHAT. REASON" if it is one.
dds_return_t checked(dds_return_t result, const std::string& what);

/// A participant, topic, data writer and so on; deleted with its owner.
class Entity {
 public:
  Entity() = default;
  /// Errors: as checked().
  Entity(dds_entity_t made, const std::string& what) : handle_{checked(made, what)} {}
  Entity(Entity&& other) noexcept : handle_{std::exchange(other.handle_, 0)} {}
  Entity& operator=(Entity&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Entity() {
    reset();
  }

  dds_entity_t get() const noexcept {
    return handle_;
  }
  explicit operator bool() const noexcept {
    return handle_ > 0;
  }
  void reset() noexcept {
    if (handle_ > 0) dds_delete(std::exchange(handle_, 0));
  }

 private:
  dds_entity_t handle_ = 0;
};

/// Properties of an entity.
class Qos {
 public:
  Qos() : qos_{dds_create_qos()} {}
  Qos(Qos&& other) noexcept : qos_{std::exchange(other.qos_, nullptr)} {}
  Qos& operator=(Qos&&) = delete;
  ~Qos() {
    dds_delete_qos(qos_);
  }

  dds_qos_t* get() const noexcept {
    return qos_;
  }

 private:
  dds_qos_t* qos_;
};

/// Samples that were taken from a data reader and are still its own, in their order; one of them is current.
template <class Sample>
class Taken {
 public:
  static constexpr std::size_t most = 64;

  explicit Taken(dds_entity_t reader) noexcept : reader_{reader} {}
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  ~Taken() {
    give_back();
  }

  /// Gives back the samples that are there, and takes at most `count` others; false if there are none.
  /// Errors: as checked().
  bool take(std::size_t count = most) {
    give_back();
    samples_.fill(nullptr); // so that they are lent, not copied
    const auto wanted = static_cast<std::uint32_t>(count < most ? count : most);
    count_ = static_cast<std::size_t>(
        checked(dds_take(reader_, samples_.data(), infos_.data(), wanted, wanted), "read from DDS"));
    return count_ > 0;
  }
  std::size_t count() const noexcept {
    return count_;
  }
  bool at_end() const noexcept {
    return position_ == count_;
  }
  void advance() noexcept {
    ++position_;
  }
  /// The current one. Without valid_data in info() only its key.
  const Sample& sample() const noexcept {
    return *static_cast<const Sample*>(samples_[position_]);
  }
  const dds_sample_info_t& info() const noexcept {
    return infos_[position_];
  }

 private:
  void give_back() noexcept {
    if (count_ > 0) dds_return_loan(reader_, samples_.data(), static_cast<std::int32_t>(count_));
    count_ = position_ = 0;
  }

  dds_entity_t reader_;
  std::array<void*, most> samples_{};
  std::array<dds_sample_info_t, most> infos_{};
  std::size_t count_ = 0;
  std::size_t position_ = 0;
};

/// Bytes that Cyclone asks the kernel for, to keep what arrives while it is busy.
inline constexpr std::uint64_t receive_buffer_size = std::uint64_t{4} << 20;

/// Takes part in the domain, with the settings that mirrors need and then those of the user's CYCLONEDDS_URI.
/// `longest_sample`: longer ones are dropped before they are put together, bytes. Errors: throws cli::Failure.
class Participant {
 public:
  Participant(std::uint32_t domain, std::uint64_t longest_sample);

  dds_entity_t get() const noexcept {
    return participant_.get();
  }

 private:
  Entity domain_;
  Entity participant_;
};

/// Waits for data in a data reader. Errors: as checked().
class ReaderWait {
 public:
  ReaderWait(const Participant& participant, dds_entity_t reader);
  void wait(dds_duration_t timeout) const;

 private:
  Entity waitset_;
};

} // namespace mirror
