// SPDX-License-Identifier: BSL-1.0
//
// ipc_address: where the sockets of ZeroMQ and nng meet. Their file is removed with the object.
#pragma once

#include "../process.hpp"

#include <unistd.h>

namespace bench {

struct IpcAddress {
  // append(): gcc 12 warns of operator+ (bug 105651).
  const std::string path = std::string{"/tmp/"}.append(unique_name());
  const std::string url = std::string{"ipc://"}.append(path);

  IpcAddress() = default;
  IpcAddress(const IpcAddress&) = delete;
  ~IpcAddress() {
    ::unlink(path.c_str());
  }
};

} // namespace bench
