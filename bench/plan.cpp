// SPDX-License-Identifier: BSL-1.0
#include "plan.hpp"

#include "transports/all.hpp"

#include <algorithm>
#include <cstring>

namespace bench {

namespace {

bool chosen(const Transport& transport, const Choice& choice) {
  return choice.only.empty() ||
         std::any_of(choice.only.begin(), choice.only.end(), [&](const std::string& part) {
           return std::string_view{transport.about.name}.find(part) != std::string_view::npos;
         });
}

bool chosen(std::size_t size, const Choice& choice) {
  return choice.only_sizes.empty() ||
         std::find(choice.only_sizes.begin(), choice.only_sizes.end(), size) != choice.only_sizes.end();
}

/// A low rate: long enough a pause for everything about the last message to be over.
Task low_rate(Scenario scenario, std::size_t size, bool quick) {
  if (size <= 4096) return {.scenario = scenario, .count = quick ? 1000U : 5000U, .pause_ns = 20'000};
  if (size <= 65536) return {.scenario = scenario, .count = quick ? 200U : 1000U, .pause_ns = 60'000};
  return {.scenario = scenario, .count = quick ? 40U : 150U, .pause_ns = 600'000};
}

Cell cell_of(const Transport& transport, std::size_t index, const Task& task) {
  Cell cell;
  cell.transport = &transport;
  cell.size_index = index;
  cell.task = task;
  return cell;
}

} // namespace

Plan make_plan(const Choice& choice) {
  Plan plan;
  for (const Transport* transport : all) {
    if (!chosen(*transport, choice)) continue;
    if (transport->about.missing != nullptr) {
      plan.skipped.push_back(std::string{transport->about.name} + ": " + transport->about.missing +
                             " was not there when this was built");
    }
  }
  const auto each = [&](std::size_t index, const auto& add) {
    for (const Transport* transport : all) {
      if (chosen(*transport, choice) && transport->about.missing == nullptr) add(*transport, index);
    }
  };
  const bool quick = choice.quick;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (!chosen(sizes[i], choice)) continue;
    each(i, [&](const Transport& transport, std::size_t index) {
      if (transport.about.only_alone || (transport.about.in_place && sizes[index] < 65536)) return;
      plan.cells.push_back(cell_of(transport, index, low_rate(Scenario::one_way, sizes[index], quick)));
      if (transport.about.in_place) return;
      if (!quick)
        plan.cells.push_back(cell_of(transport, index, low_rate(Scenario::ping_pong, sizes[index], quick)));
      plan.cells.push_back(
          cell_of(transport, index, {.scenario = Scenario::flat_out, .seconds = quick ? 0.1 : 0.3}));
    });
  }
  for (std::size_t i = 0; i < 2; ++i) { // 8 and 48 bytes
    if (!chosen(sizes[i], choice)) continue;
    each(i, [&](const Transport& transport, std::size_t index) {
      if (transport.about.many || transport.about.only_alone) {
        plan.cells.push_back(
            cell_of(transport, index,
                    {.scenario = Scenario::alone, .count = quick ? 200'000U : 1'000'000U, .receivers = 0}));
      }
    });
  }
  // 48 bytes to several receivers.
  if (chosen(48, choice)) {
    each(1, [&](const Transport& transport, std::size_t index) {
      if (!transport.about.many) return;
      for (const int receivers : {1, 2, 4, 8}) {
        if (quick && receivers != 1 && receivers != 8) continue;
        plan.cells.push_back(cell_of(transport, index,
                                     {.scenario = Scenario::fan_out,
                                      .count = quick ? 2000U : 10000U,
                                      .pause_ns = 5'000,
                                      .receivers = receivers}));
      }
    });
  }
  return plan;
}

std::vector<std::size_t> Plan::sizes() const {
  std::vector<std::size_t> found;
  for (const std::size_t size : bench::sizes) {
    if (std::any_of(cells.begin(), cells.end(), [&](const Cell& cell) { return cell.size() == size; })) {
      found.push_back(size);
    }
  }
  return found;
}

const Cell* Plan::find(const Transport& transport, std::size_t size, Scenario scenario, int receivers) const {
  for (const Cell& cell : cells) {
    if (cell.transport == &transport && cell.size() == size && cell.task.scenario == scenario &&
        cell.task.receivers == receivers) {
      return &cell;
    }
  }
  return nullptr;
}

std::vector<Band> bands_of(const Plan& plan) {
  std::vector<double> lines;
  for (const Cell& cell : plan.cells) {
    for (const Measurement& run : cell.runs) {
      if (!run.moved) lines.push_back(run.line());
    }
  }
  std::sort(lines.begin(), lines.end());
  std::vector<Band> bands;
  for (const double line : lines) {
    // Within one the line time varies by less from each measurement to the next.
    if (bands.empty() || line > 1.25 * bands.back().most) bands.push_back({line, line});
    bands.back().most = line;
    ++bands.back().runs;
  }
  std::erase_if(bands, [&](const Band& band) { return band.runs * 10 < lines.size(); });
  if (bands.size() < 2) return {{.runs = lines.size()}};
  std::sort(bands.begin(), bands.end(), [](const Band& a, const Band& b) { return a.runs > b.runs; });
  return bands;
}

void measure_limits(Plan& plan, const Choice& choice, Control& control) {
  plan.limits.line.push_back(line_ns());
  plan.limits.fence.push_back(fence_ns());
  for (const std::size_t size : sizes) {
    if (!chosen(size, choice)) continue;
    plan.limits.dirty_copy[size].push_back(dirty_copy_ns(size, control));
    plan.limits.cached_copy[size].push_back(cached_copy_ns(size));
  }
  plan.limits.still_reads.push_back(still_reads());
}

} // namespace bench
