// SPDX-License-Identifier: BSL-1.0
//
// temporary_channel: the location of a channel of seqcast in shared memory, under a name that nothing else
// uses. The channel is removed with the object.
//
// Who may use it: the main process, and through a reference the processes that Control::run() starts.
#pragma once

#include "process.hpp"

#include <seqcast/options.hpp>

namespace bench {

class TemporaryChannel {
 public:
  TemporaryChannel() = default;
  TemporaryChannel(const TemporaryChannel&) = delete;
  ~TemporaryChannel() {
    seqcast::Error ignored;
    seqcast::remove_channel(location_, ignored);
  }
  const seqcast::Location& location() const {
    return location_;
  }

 private:
  seqcast::Location location_ = seqcast::shared_memory(unique_name());
};

} // namespace bench
