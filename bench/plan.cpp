// SPDX-License-Identifier: BSL-1.0
#include "plan.hpp"

#include "transports/all.hpp"

#include <algorithm>
#include <string_view>

namespace bench {

namespace {

bool is_selected(const Transport& transport, const Options& options) {
  return options.only.empty() ||
         std::any_of(options.only.begin(), options.only.end(), [&](const std::string& part) {
           return std::string_view{transport.about.name}.find(part) != std::string_view::npos;
         });
}

bool is_selected(std::size_t size, const Options& options) {
  return options.only_sizes.empty() ||
         std::find(options.only_sizes.begin(), options.only_sizes.end(), size) != options.only_sizes.end();
}

/// With pauses between the messages that let every effect of the last one end.
Task low_rate(Scenario scenario, std::size_t size, bool quick) {
  const bool tails = scenario == Scenario::one_way; // enough samples for high percentiles
  if (size <= 4096)
    return {.scenario = scenario, .count = quick ? 1000U : tails ? 12000U : 3000U, .pause_ns = 20'000};
  if (size <= 65536) return {.scenario = scenario, .count = quick ? 200U : 1000U, .pause_ns = 60'000};
  return {.scenario = scenario, .count = quick ? 40U : 150U, .pause_ns = 600'000};
}

} // namespace

std::vector<int> fan_out_receivers(const Placement& placement) {
  std::vector<int> counts;
  const auto most = std::min<std::size_t>(placement.cpus.size() - 1, Control::max_receivers);
  for (std::size_t count = 1; count <= most; count *= 2) counts.push_back(static_cast<int>(count));
  if (counts.back() < static_cast<int>(most)) counts.push_back(static_cast<int>(most));
  return counts;
}

Plan make_plan(const Placement& placement, const Options& options) {
  Plan plan;
  plan.placement = placement;
  std::vector<const Transport*> transports;
  for (const Transport* transport : all) {
    if (!is_selected(*transport, options)) continue;
    if (transport->about.missing_package == nullptr) {
      transports.push_back(transport);
    } else {
      plan.skipped.push_back(std::string{transport->about.name} + ": " + transport->about.missing_package +
                             " was not installed when this was built");
    }
  }
  const auto add = [&](const Transport& transport, std::size_t size, const Task& task) {
    Cell& cell = plan.cells.emplace_back();
    cell.transport = &transport;
    cell.size = size;
    cell.task = task;
  };
  // For each scenario all transports, one directly after the other: they are compared.
  const bool quick = options.quick;
  for (const std::size_t size : bench::sizes) {
    if (!is_selected(size, options)) continue;
    const auto add_all = [&](const Task& task, const auto& fits) {
      for (const Transport* transport : transports) {
        const Description& about = transport->about;
        if (size >= about.least_size && size <= about.most_size && fits(*transport))
          add(*transport, size, task);
      }
    };
    const auto one_at_a_time = [](const Transport& transport) {
      return !transport.about.sender_only && !transport.about.flat_out_only && !transport.in_place;
    };
    add_all(low_rate(Scenario::one_way, size, quick), one_at_a_time);
    if (!quick) add_all(low_rate(Scenario::ping_pong, size, quick), one_at_a_time);
    if (size >= 65536) {
      add_all(low_rate(Scenario::one_way_used, size, quick), [](const Transport& transport) {
        return !transport.about.sender_only && !transport.about.flat_out_only;
      });
    }
    add_all({.scenario = Scenario::flat_out, .seconds = quick ? 0.1 : 0.3},
            [](const Transport& transport) { return !transport.about.sender_only && !transport.in_place; });
    const std::uint64_t count = quick ? 200'000U : 1'000'000U;
    if (size <= 256) {
      add_all({.scenario = Scenario::no_receiver, .count = count, .receivers = 0},
              [](const Transport& transport) {
                return transport.about.several_receivers || transport.about.sender_only;
              });
    }
    if (size != 48) continue;
    for (const int receivers : fan_out_receivers(placement)) {
      add_all({.scenario = Scenario::fan_out,
               .count = quick ? 2000U : 10000U,
               .pause_ns = 10'000,
               .receivers = receivers},
              [](const Transport& transport) { return transport.about.several_receivers; });
    }
  }
  return plan;
}

std::vector<std::size_t> Plan::sizes() const {
  std::vector<std::size_t> found;
  for (const std::size_t size : bench::sizes) {
    if (std::any_of(cells.begin(), cells.end(), [&](const Cell& cell) { return cell.size == size; })) {
      found.push_back(size);
    }
  }
  return found;
}

const Cell* Plan::find(const Transport& transport, std::size_t size, Scenario scenario, int receivers) const {
  for (const Cell& cell : cells) {
    if (cell.transport == &transport && cell.size == size && cell.task.scenario == scenario &&
        cell.task.receivers == receivers) {
      return &cell;
    }
  }
  return nullptr;
}

double Plan::line_time(const Band& band) const {
  std::vector<double> times;
  for (const Cell& cell : cells) {
    for (const Measurement& run : cell.runs) {
      if (band.contains(run)) times.push_back(run.line_time());
    }
  }
  return spread_of(times).median;
}

std::vector<Band> bands_of(const Plan& plan) {
  std::vector<double> line_times;
  for (const Cell& cell : plan.cells) {
    for (const Measurement& run : cell.runs) {
      if (!run.line_changed) line_times.push_back(run.line_time());
    }
  }
  std::sort(line_times.begin(), line_times.end());
  std::vector<Band> bands;
  for (const double line_time : line_times) {
    // A gap of 25% between two sorted line times separates two bands.
    if (bands.empty() || line_time > 1.25 * bands.back().max) bands.push_back({line_time, line_time});
    bands.back().max = line_time;
    ++bands.back().runs;
  }
  std::erase_if(bands, [&](const Band& band) { return band.runs * 10 < line_times.size(); });
  if (bands.size() < 2) return {{.runs = line_times.size()}};
  std::sort(bands.begin(), bands.end(), [](const Band& a, const Band& b) { return a.runs > b.runs; });
  return bands;
}

void measure_limits(Plan& plan, const Options& options, Control& control) {
  plan.limits.line_time.push_back(line_time_ns(plan.placement.cpus));
  plan.limits.fence.push_back(fence_ns());
  for (const std::size_t size : sizes) {
    if (!is_selected(size, options)) continue;
    plan.limits.dirty_copy[size].push_back(dirty_copy_ns(size, control));
    plan.limits.cached_copy[size].push_back(cached_copy_ns(size));
  }
}

} // namespace bench
