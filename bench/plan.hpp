// SPDX-License-Identifier: BSL-1.0
//
// plan: which cells are measured with one placement of the processes, and the goals for their results.
#pragma once

#include "measure.hpp"
#include "placement.hpp"

#include <deque>
#include <limits>
#include <map>

namespace bench {

struct Options {
  bool quick = false;
  int repetitions = 5;
  std::vector<std::string> only;       // names of transports, or parts of them; empty: all
  std::vector<std::size_t> only_sizes; // empty: all
  std::size_t ring_bytes = 0;          // of every ring; 0: as each transport's setting says
};

/// The limits of the machine, a value for each repetition.
struct Limits {
  std::vector<double> line_time;
  std::vector<double> fence;
  std::map<std::size_t, std::vector<double>> dirty_copy;  // by size
  std::map<std::size_t, std::vector<double>> cached_copy; // by size
};

struct Band;

struct Plan {
  Placement placement;
  std::deque<Cell> cells; // their addresses stay
  Limits limits;
  std::vector<std::string> skipped; // transports that were not built, and why

  /// The sizes of all cells, ascending.
  std::vector<std::size_t> sizes() const;
  /// The median of the measurements in that band; ns.
  double line_time(const Band& band) const;
  /// The cell of that transport, size, scenario and number of receivers; nullptr if there is none.
  const Cell* find(const Transport& transport, std::size_t size, Scenario scenario, int receivers) const;
};

/// A range of line times: measurements in it are comparable. A virtual machine may move to other cores, at
/// another distance from each other.
struct Band {
  double min = 0; // ns
  double max = std::numeric_limits<double>::infinity();
  std::size_t runs = 0; // measurements in it

  bool unlimited() const {
    return min == 0;
  }
  bool contains(const Measurement& run) const {
    return unlimited() || (!run.line_changed && run.line_time() >= min && run.line_time() <= max);
  }
};

/// The bands that contain a tenth of the measurements or more, the fullest first. If there is only one, an
/// unlimited one takes its place.
std::vector<Band> bands_of(const Plan& plan);

Plan make_plan(const Placement& placement, const Options& options);
/// Adds one repetition.
void measure_limits(Plan& plan, const Options& options, Control& control);

/// With --quick or without: numbers of receivers of Scenario::fan_out, one for each processor but the sender's.
std::vector<int> fan_out_receivers(const Placement& placement);

struct Goal {
  std::string what;
  std::string rival; // what it is compared with
  double bound = 0;
  bool at_most = true;     // otherwise at least
  bool difference = false; // in ns; otherwise a ratio
  Spread reached = {};     // over the repetitions
  bool measured = false;   // everything that it needs

  bool met() const {
    return at_most ? reached.median <= bound : reached.median >= bound;
  }
};

/// The goals and what was reached, in the repetitions of that band.
std::vector<Goal> goals_of(const Plan& plan, const Band& band);

} // namespace bench
