// SPDX-License-Identifier: BSL-1.0
#include "table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace cli {

namespace {

constexpr std::size_t column_gap = 2;
constexpr std::size_t minimum_name_width = 12;

/// Whether the byte continues a character of UTF-8.
bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// The first `width` characters.
std::string_view head_of(std::string_view text, std::size_t width) {
  std::size_t end = 0;
  for (; end < text.size() && (width > 0 || is_continuation(text[end])); ++end) {
    if (!is_continuation(text[end])) --width;
  }
  return text.substr(0, end);
}
/// The last `width` characters.
std::string_view tail_of(std::string_view text, std::size_t width) {
  std::size_t begin = text.size();
  while (begin > 0 && width > 0) {
    --begin;
    if (!is_continuation(text[begin])) --width;
  }
  return text.substr(begin);
}

} // namespace

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::string shortened(const std::string& text, std::size_t width) {
  constexpr std::string_view ellipsis = "...";
  if (width_of(text) <= width) return text;
  if (width <= ellipsis.size()) return std::string{head_of(text, width)};
  const std::size_t kept = width - ellipsis.size();
  return fmt::format("{}{}{}", head_of(text, kept / 2), ellipsis, tail_of(text, kept - kept / 2));
}

std::vector<std::size_t> Table::widths(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(std::max(column.least, width_of(column.title)));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      // A single text behind a name is a remark, which spans all columns.
      if (i == 0 || row.size() > 2) widths[i] = std::max(widths[i], width_of(row[i].text));
    }
  }
  std::size_t others = 0;
  for (std::size_t i = 1; i < widths.size(); ++i) others += column_gap + widths[i];
  if (width > 0 && widths[0] + others > width) {
    widths[0] = std::max(minimum_name_width, width > others ? width - others : 0);
  }
  return widths;
}

std::string Table::line(const Stream& stream, const std::vector<Cell>& row,
                        const std::vector<std::size_t>& widths) const {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string text = i == 0 ? shortened(row[i].text, widths[i]) : row[i].text;
    const std::string space(widths[i] - std::min(widths[i], width_of(text)), ' ');
    if (i > 0) line += std::string(column_gap, ' ');
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
