// SPDX-License-Identifier: BSL-1.0
#include "stop.hpp"

#include "platform/platform.hpp"

#include <condition_variable>

namespace cli {

void sleep_for(std::chrono::nanoseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock{mutex};
  std::condition_variable_any{}.wait_for(lock, stop, time, [] { return false; });
}

Stop::Stop() : state_{std::make_shared<State>()} {
  platform::on_stop([state = state_](int signal) {
    {
      const std::lock_guard lock{state->mutex};
      state->signal = signal;
    }
    state->source.request_stop();
  });
}

void Stop::watch_output() const {
  platform::on_output_closed([state = state_] { state->source.request_stop(); });
}

int Stop::signal() const {
  const std::lock_guard lock{state_->mutex};
  return state_->signal;
}

void Stop::sleep_until(std::chrono::steady_clock::time_point end) const {
  sleep_for(end - std::chrono::steady_clock::now(), token());
}

} // namespace cli
