// SPDX-License-Identifier: BSL-1.0
#include "table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace cli {

namespace {

constexpr std::size_t between = 2;
constexpr std::size_t shortest_name = 12;

bool continues(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// The first `width` characters, or the last.
std::string_view head_of(std::string_view text, std::size_t width) {
  std::size_t end = 0;
  for (; end < text.size() && (width > 0 || continues(text[end])); ++end) {
    if (!continues(text[end])) --width;
  }
  return text.substr(0, end);
}
std::string_view tail_of(std::string_view text, std::size_t width) {
  std::size_t begin = text.size();
  while (begin > 0 && width > 0) {
    --begin;
    if (!continues(text[begin])) --width;
  }
  return text.substr(begin);
}

} // namespace

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues(c); }));
}

std::string shortened(const std::string& text, std::size_t width) {
  constexpr std::string_view gap = "...";
  if (width_of(text) <= width) return text;
  if (width <= gap.size()) return std::string{head_of(text, width)};
  const std::size_t kept = width - gap.size();
  return fmt::format("{}{}{}", head_of(text, kept / 2), gap, tail_of(text, kept - kept / 2));
}

std::vector<std::size_t> Table::widths(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(std::max(column.least, width_of(column.title)));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      // What stands alone behind a name is a remark, and takes the place of all columns.
      if (i == 0 || row.size() > 2) widths[i] = std::max(widths[i], width_of(row[i].text));
    }
  }
  std::size_t others = 0;
  for (std::size_t i = 1; i < widths.size(); ++i) others += between + widths[i];
  if (width > 0 && widths[0] + others > width) {
    widths[0] = std::max(shortest_name, width > others ? width - others : 0);
  }
  return widths;
}

std::string Table::line(const Stream& stream, const std::vector<Cell>& row,
                        const std::vector<std::size_t>& widths) const {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string text = i == 0 ? shortened(row[i].text, widths[i]) : row[i].text;
    const std::string space(widths[i] - std::min(widths[i], width_of(text)), ' ');
    if (i > 0) line += std::string(between, ' ');
    if (columns_[i].right) line += space;
    line += stream.paint(row[i].style, text);
    if (!columns_[i].right && i + 1 < row.size()) line += space;
  }
  return line;
}

std::vector<std::string> Table::lines(const Stream& stream, std::size_t width) const {
  const std::vector<std::size_t> all = widths(width);
  std::vector<Cell> titles;
  for (const Column& column : columns_) titles.push_back({column.title, Style::bold});
  std::vector<std::string> lines{line(stream, titles, all)};
  for (const auto& row : rows_) lines.push_back(line(stream, row, all));
  return lines;
}

std::string Table::text(const Stream& stream, bool titles) const {
  const auto width = stream.terminal() ? static_cast<std::size_t>(stream.size().columns) : 0;
  std::string text;
  bool first = true;
  for (const std::string& line : lines(stream, width)) {
    if (!std::exchange(first, false) || titles) text += line + '\n';
  }
  return text;
}

} // namespace cli
