// SPDX-License-Identifier: BSL-1.0
//
// table: rows in columns that are as wide as their content. On a terminal the first column, the names, is
// shortened so that a row fits; where that is not enough, columns are left out, the least important first.
#pragma once

#include "console.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

/// Columns of a text on a terminal: one for each character, two for a wide one of East Asia, and for an emoji.
std::size_t width_of(std::string_view text);

/// At most `width` columns: of a longer text the middle is replaced by "...", since names differ at their ends.
std::string shortened(const std::string& text, std::size_t width);

struct Column {
  std::string title;
  bool right = false;    // aligned to the right, for numbers
  std::size_t least = 0; // minimum width, so that rows printed later are aligned
  int left_out = 0;      // where there is no room: 1 is left out first, then 2 and so on; 0 never
};

struct Cell {
  std::string text;
  Style style = Style::plain;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_{std::move(columns)} {}

  void add(std::vector<Cell> row) {
    rows_.push_back(std::move(row));
  }
  bool empty() const noexcept {
    return rows_.empty();
  }

  /// One line for each row, the titles first. `width` is the space available; 0 means no limit.
  std::vector<std::string> lines(const Stream& stream, std::size_t width) const;

  /// The lines as one text; on a terminal not wider than that.
  std::string text(const Stream& stream, bool titles = true) const;

 private:
  /// Of each column; nothing for one that is left out.
  std::vector<std::optional<std::size_t>> widths(std::size_t width) const;
  /// Whether it is a name and a single text, a remark, which spans all columns.
  bool is_remark(const std::vector<Cell>& row) const;
  std::string line(const Stream& stream, const std::vector<Cell>& row,
                   const std::vector<std::optional<std::size_t>>& widths, std::size_t width) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

} // namespace cli
