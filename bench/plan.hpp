// SPDX-License-Identifier: BSL-1.0
//
// plan: which cells are measured, and what is to be reached.
#pragma once

#include "measure.hpp"

#include <deque>
#include <limits>
#include <string>

namespace bench {

struct Choice {
  bool quick = false;
  int repetitions = 5;
  std::vector<std::string> only;       // names of transports, or parts of them; empty: all
  std::vector<std::size_t> only_sizes; // empty: all
};

/// What the machine allows, once for each repetition.
struct Limits {
  std::vector<double> line;
  std::vector<double> fence;
  std::map<std::size_t, std::vector<double>> dirty_copy;  // by size
  std::map<std::size_t, std::vector<double>> cached_copy; // by size
  std::vector<double> still_reads; // latest() of 1 KiB, calls a second, when nobody publishes
};

struct Plan {
  std::deque<Cell> cells; // their addresses stay
  Limits limits;
  std::vector<std::string> skipped; // transports that are not there, and why

  /// Those that anything was measured for.
  std::vector<std::size_t> sizes() const;
  /// The cell of that transport, size, scenario and number of receivers; nullptr if it was not measured.
  const Cell* find(const Transport& transport, std::size_t size, Scenario scenario, int receivers) const;
};

/// How far apart the cores were: measurements whose line times are alike. A virtual machine's cores move.
struct Band {
  double least = 0; // ns of line time
  double most = std::numeric_limits<double>::infinity();
  std::size_t runs = 0; // measurements in it

  bool everything() const {
    return least == 0;
  }
  bool holds(const Measurement& run) const {
    return everything() || (!run.moved && run.line() >= least && run.line() <= most);
  }
};

/// Those that a tenth of the measurements or more lie in, the fullest first; one that holds everything where
/// the cores kept their distance.
std::vector<Band> bands_of(const Plan& plan);

Plan make_plan(const Choice& choice);
void measure_limits(Plan& plan, const Choice& choice, Control& control);

struct Goal {
  std::string what;
  std::string rival; // what it is compared with
  double bound = 0;
  bool at_most = true; // otherwise at least
  Spread ratio;        // over the repetitions
  bool known = false;  // all that it needs was measured

  bool met() const {
    return at_most ? ratio.median <= bound : ratio.median >= bound;
  }
};

/// What was reached in the repetitions of that band.
std::vector<Goal> goals_of(const Plan& plan, const Band& band);

} // namespace bench
