// SPDX-License-Identifier: BSL-1.0
#include "table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace cli {

namespace {

constexpr std::size_t column_gap = 2; // spaces
constexpr std::size_t minimum_name_width = 12;

/// Whether the byte continues a character of UTF-8.
bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// The character that the text begins with, and its bytes. A byte that is no UTF-8 counts as one character.
struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
};
Character first_of(std::string_view text) {
  Character character{static_cast<unsigned char>(text.front()), 1};
  while (character.bytes < text.size() && is_continuation(text[character.bytes])) {
    character.code = character.code << 6 | (static_cast<unsigned char>(text[character.bytes]) & 0x3FU);
    ++character.bytes;
  }
  // Of the first byte, the ones at its beginning do not belong to the code.
  if (character.bytes == 2) character.code &= 0x7FF;
  if (character.bytes == 3) character.code &= 0xFFFF;
  if (character.bytes == 4) character.code &= 0x1FFFFF;
  return character;
}

/// Columns of a character: two where a terminal shows it wide (Unicode Standard Annex 11, W and F), none where it
/// is a mark above or below the character before it.
std::size_t columns_of(char32_t code) {
  const auto within = [code](char32_t first, char32_t last) { return code >= first && code <= last; };
  if (within(0x300, 0x36F) || within(0x200B, 0x200D) || within(0xFE00, 0xFE0F)) return 0;
  const bool wide = within(0x1100, 0x115F) || within(0x2E80, 0xA4CF) || within(0xAC00, 0xD7A3) ||
                    within(0xF900, 0xFAFF) || within(0xFE30, 0xFE6F) || within(0xFF00, 0xFF60) ||
                    within(0xFFE0, 0xFFE6) || within(0x1F300, 0x1F64F) || within(0x1F680, 0x1F6FF) ||
                    within(0x1F900, 0x1F9FF) || within(0x20000, 0x3FFFD);
  return wide ? 2 : 1;
}

/// As much of the beginning as fits into `width` columns.
std::string_view head_of(std::string_view text, std::size_t width) {
  std::size_t end = 0;
  while (end < text.size()) {
    const Character character = first_of(text.substr(end));
    const std::size_t columns = columns_of(character.code);
    if (columns > width) break;
    width -= columns;
    end += character.bytes;
  }
  return text.substr(0, end);
}
/// As much of the end as fits into `width` columns.
std::string_view tail_of(std::string_view text, std::size_t width) {
  while (width_of(text) > width) text.remove_prefix(first_of(text).bytes);
  return text;
}

} // namespace

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character character = first_of(text);
    width += columns_of(character.code);
    text.remove_prefix(character.bytes);
  }
  return width;
}

std::string shortened(const std::string& text, std::size_t width) {
  constexpr std::string_view ellipsis = "...";
  if (width_of(text) <= width) return text;
  if (width <= ellipsis.size()) return std::string{head_of(text, width)};
  const std::size_t kept = width - ellipsis.size();
  return fmt::format("{}{}{}", head_of(text, kept / 2), ellipsis, tail_of(text, kept - kept / 2));
}

std::vector<std::optional<std::size_t>> Table::widths(std::size_t width) const {
  std::vector<std::optional<std::size_t>> widths;
  for (const Column& column : columns_) widths.emplace_back(std::max(column.least, width_of(column.title)));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i == 0 || !is_remark(row)) widths[i] = std::max(*widths[i], width_of(row[i].text));
    }
  }
  if (width == 0) return widths;
  const auto others = [&widths] {
    std::size_t sum = 0;
    for (std::size_t i = 1; i < widths.size(); ++i) sum += widths[i] ? column_gap + *widths[i] : 0;
    return sum;
  };
  const std::size_t least_name = std::min(*widths[0], minimum_name_width);
  for (int turn = 1; turn <= static_cast<int>(columns_.size()) && least_name + others() > width; ++turn) {
    for (std::size_t i = 1; i < widths.size(); ++i) {
      if (columns_[i].left_out == turn) widths[i].reset();
    }
  }
  widths[0] = std::min(*widths[0], std::max(width - std::min(width, others()), least_name));
  return widths;
}

bool Table::is_remark(const std::vector<Cell>& row) const {
  return row.size() == 2 && columns_.size() > 2;
}

std::string Table::line(const Stream& stream, const std::vector<Cell>& row,
                        const std::vector<std::optional<std::size_t>>& widths, std::size_t width) const {
  std::string line;
  std::size_t used = 0; // columns of the line
  std::size_t gap = 0;  // spaces before the next cell
  for (std::size_t i = 0; i < row.size(); ++i) {
    const bool spans_all = i == 1 && is_remark(row);
    if (!spans_all && !widths[i]) continue;
    std::size_t room = spans_all ? width_of(row[i].text) : *widths[i];
    // Even the columns that always remain may be wider than the terminal.
    if (width > 0) room = std::min(room, width - std::min(width, used + gap));
    const std::string text = shortened(row[i].text, room);
    const std::size_t space = room - std::min(room, width_of(text));
    const std::size_t before = columns_[i].right && !spans_all ? space : 0;
    if (room > 0) line += std::string(gap + before, ' ') + stream.paint(row[i].style, text);
    used += gap + room;
    gap = column_gap;
    if (before == 0) line += std::string(i + 1 < row.size() ? space : 0, ' ');
  }
  return line;
}

std::vector<std::string> Table::lines(const Stream& stream, std::size_t width) const {
  const auto all = widths(width);
  std::vector<Cell> titles;
  for (const Column& column : columns_) titles.push_back({column.title, Style::bold});
  std::vector<std::string> lines{line(stream, titles, all, width)};
  for (const auto& row : rows_) lines.push_back(line(stream, row, all, width));
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
