// SPDX-License-Identifier: BSL-1.0
//
// notes: what the threads of channels report to the user. The main thread prints it.
//
// Who may call it: any thread.
#pragma once

#include "console.hpp"

#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mirror {

class Notes {
 public:
  void note(std::string text) {
    add({std::move(text), false});
  }
  /// Of something that the user should do something about. The same text a second time is left out.
  void complain_once(const std::string& text) {
    {
      const std::lock_guard lock{mutex_};
      if (complaints_.size() >= most || !complaints_.insert(text).second) return;
    }
    add({text, true});
  }

  /// Prints what there is. Who may call it: the main thread.
  void print(cli::Console& console) {
    std::vector<Note> notes;
    {
      const std::lock_guard lock{mutex_};
      notes.swap(notes_);
    }
    for (const Note& note : notes) note.complaint ? console.complain(note.text) : console.note(note.text);
  }

 private:
  struct Note {
    std::string text;
    bool complaint;
  };
  void add(Note note) {
    const std::lock_guard lock{mutex_};
    if (notes_.size() < most) notes_.push_back(std::move(note));
  }

  static constexpr std::size_t most = 1000; // a hostile peer may give reason for any number
  std::mutex mutex_;
  std::vector<Note> notes_;
  std::set<std::string> complaints_;
};

} // namespace mirror
