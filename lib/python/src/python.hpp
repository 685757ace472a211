// SPDX-License-Identifier: BSL-1.0
//
// python: what the files of the extension have in common: CPython's limited API with C++ on top. Owned references, C++
// exceptions as Python's and back, calls without the GIL, and arguments.
//
// Who may call it: a thread that holds the GIL, unless a function says otherwise.
//
// Invariants
//   1. Only what the limited API of CPython 3.11 has is used: one binary runs in 3.11 and every later version.
//   2. No C++ exception reaches the interpreter but the one that ends a thread (see Call).
//   3. A function that failed in CPython is left by PythonError, with CPython's own error set.
#pragma once

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <seqcast/seqcast.hpp>

#include <cxxabi.h>
#include <atomic>
#include <bit>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace python {

/// Thrown where CPython has an error set already.
struct PythonError {};

/// A reference that this object owns; it may be empty.
class Owned {
 public:
  Owned() noexcept = default;
  /// Takes over a new reference. Errors: throws PythonError if it is null.
  explicit Owned(PyObject* made) : object_{made} {
    if (made == nullptr) throw PythonError{};
  }
  Owned(Owned&& other) noexcept : object_{other.release()} {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Owned() {
    Py_XDECREF(object_);
  }
  PyObject* get() const noexcept {
    return object_;
  }
  PyObject* release() noexcept {
    return std::exchange(object_, nullptr);
  }
  explicit operator bool() const noexcept {
    return object_ != nullptr;
  }

 private:
  PyObject* object_ = nullptr;
};

inline Owned new_reference(PyObject* object) noexcept {
  Py_XINCREF(object);
  Owned owned;
  if (object != nullptr) owned = Owned{object};
  return owned;
}
inline PyObject* none() noexcept {
  return Py_NewRef(Py_None);
}

/// Goes on only where CPython reports success.
inline void check(int status) {
  if (status < 0) throw PythonError{};
}

/// What of Python the extension needs again and again; filled in when the module is imported.
struct Module {
  PyTypeObject* message = nullptr;
  PyTypeObject* view = nullptr;
  PyTypeObject* publisher = nullptr;
  PyTypeObject* loan = nullptr;
  PyTypeObject* subscriber = nullptr;
  PyObject* make_error = nullptr; ///< seqcast._errors.make
  PyObject* make_array = nullptr; ///< seqcast._schemas.array
  PyObject* layout_of = nullptr;  ///< seqcast._schemas.layout_of
  PyObject* records = nullptr;    ///< seqcast._schemas.Records
  unsigned forks = 0;             ///< counted in the child
};
inline Module module;

/// Sets the exception for a failure of seqcast's or of the system's: an OSError. Needs the GIL.
void set_error(std::error_code code, const char* text) noexcept;
/// set_error(), and leaves the call.
[[noreturn]] void raise(std::error_code code, const std::string& text);
/// Leaves the call with an exception of CPython's own.
[[noreturn]] void raise(PyObject* type, const std::string& text);
/// Sets the exception that stands for the C++ exception in flight.
void set_error_of_exception() noexcept;

/// Calls `function` without the GIL, and gives what it gives or throws what it throws. While the interpreter ends,
/// taking the GIL again ends this thread by an exception that nothing here may catch.
template <class Function>
auto without_gil(const Function& function) {
  using Result = decltype(function());
  Result result{};
  std::exception_ptr failure;
  PyThreadState* const thread = PyEval_SaveThread();
  try {
    result = function();
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (...) {
    failure = std::current_exception();
  }
  PyEval_RestoreThread(thread);
  if (failure) std::rethrow_exception(failure);
  return result;
}

// As CPython wants it, and not noexcept: see without_gil().
template <auto function, class Result, class... Arguments>
Result call_of(Arguments... arguments) {
  try {
    return function(arguments...);
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (...) {
    set_error_of_exception();
  }
  if constexpr (std::is_pointer_v<Result>)
    return nullptr;
  else
    return -1;
}
template <auto function>
struct Call;
template <class Result, class... Arguments, Result (*function)(Arguments...)>
struct Call<function> {
  static Result call(Arguments... arguments) {
    return call_of<function, Result, Arguments...>(arguments...);
  }
};
/// `function` for a table of CPython's: what it throws is set as CPython's error.
template <auto function>
inline constexpr auto guarded = &Call<function>::call;

/// Any function, for PyMethodDef and PyType_Slot.
template <auto function>
PyCFunction method() noexcept {
  return std::bit_cast<PyCFunction>(guarded<function>);
}
template <class Function>
void* slot(Function* function) noexcept {
  return std::bit_cast<void*>(function);
}
inline void* slot(const char* text) noexcept {
  return const_cast<char*>(text);
}

/// The object as the structure that it is.
template <class Object>
Object& as(PyObject* object) noexcept {
  return *static_cast<Object*>(static_cast<void*>(object));
}
template <class Object>
PyObject* object_of(Object& object) noexcept {
  return static_cast<PyObject*>(static_cast<void*>(&object));
}

/// A new object of a heap type, filled with zeros. Errors: throws PythonError.
template <class Object>
Object& allocate(PyTypeObject* type) {
  PyObject* const made = PyType_GenericAlloc(type, 0);
  if (made == nullptr) throw PythonError{};
  return as<Object>(made);
}
/// The end of tp_dealloc: instances of heap types hold their type.
inline void free_object(PyObject* self) noexcept {
  PyTypeObject* const type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

/// Memory that an object lends through the buffer protocol, contiguous bytes.
class Buffer {
 public:
  Buffer() noexcept = default;
  explicit Buffer(PyObject* object, int flags = PyBUF_SIMPLE) {
    check(PyObject_GetBuffer(object, &buffer_, flags));
  }
  Buffer(Buffer&& other) noexcept : buffer_{std::exchange(other.buffer_, {})} {}
  Buffer& operator=(Buffer&&) = delete;
  ~Buffer() {
    if (buffer_.obj != nullptr) PyBuffer_Release(&buffer_);
  }
  seqcast::BytesRef bytes() const noexcept {
    return std::span{static_cast<const std::byte*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
  }
  /// Its shape and the like. Requires: it was asked for by the flags.
  const Py_buffer& description() const noexcept {
    return buffer_;
  }

 private:
  Py_buffer buffer_{};
};

/// Bytes up to which a copy keeps the GIL: to give it away and take it again costs more.
inline constexpr std::size_t most_with_gil = 65536;

/// Where a str or a path leads: a str without a slash to shared memory, everything else to a file.
/// Errors: throws PythonError for another type, or for a zero byte.
seqcast::Location location_of(PyObject* channel);
/// As location_of() takes it again.
Owned name_of(const seqcast::Location& location);

/// Seconds, or None for no limit. Errors: throws PythonError with that text if it is negative, or no number.
std::chrono::nanoseconds timeout_of(
    PyObject* seconds,
    const char* expected = "a timeout is a number of seconds from 0 on, or None for no limit");
inline constexpr std::chrono::nanoseconds no_limit = (std::chrono::nanoseconds::max)();
/// The longest time in which no signal is handled: Ctrl-C is KeyboardInterrupt within 100 ms.
inline constexpr std::chrono::milliseconds signal_interval{50};

/// UTF-8. Errors: throws PythonError.
std::string text_of(PyObject* text);
Owned text_of(std::string_view text);

/// One of some words, by its index. Errors: throws PythonError, with the words.
std::size_t word_of(PyObject* word, const char* option, std::initializer_list<const char*> words);

/// Nothing for None. Errors: throws PythonError if it is no integer, or larger than `most`.
std::optional<std::uint64_t> number_of(PyObject* number, const char* option, std::uint64_t most);
std::optional<bool> flag_of(PyObject* flag);

/// What a dtype and a schema say about a channel.
struct Layout {
  std::string schema;          ///< As PublisherOptions takes it; empty for none.
  Owned records;               ///< A Records; empty without a dtype.
  std::size_t record_size = 0; ///< Bytes, of a dtype that no schema describes; otherwise 0.
  std::uint32_t alignment = 0; ///< Bytes, of the same.
  bool whole = false;          ///< Whether one such record is the message.
};
/// Each may be None. Errors: throws PythonError.
Layout layout_of(PyObject* dtype, PyObject* schema);
/// The type of a channel's records; empty if its messages are not described.
Owned records_of(const seqcast::Schema& schema);
/// numpy's dtype of records; None for null.
PyObject* dtype_of(PyObject* records);

/// Refuses what a process inherited by fork from the one that opened it. Errors: throws PythonError.
void check_process(unsigned forks, const char* what);

// Each fills in its types. Errors: throw PythonError.
void add_message_type(PyObject* to);
void add_publisher_types(PyObject* to);
void add_subscriber_types(PyObject* to);
void add_recording_types(PyObject* to);
PyTypeObject* add_type(PyObject* to, PyType_Spec& spec);

/// A message that was copied, or several.
struct Message {
  PyObject_HEAD std::uint64_t sequence, lost;
  std::uint64_t count;  // how many there are in `data`
  std::int64_t time_ns; // by the steady clock; below 0 for none
  PyObject* data;       // bytes
  PyObject* records;    // null for bytes without a type
};
PyObject* sequence_of(std::uint64_t number);
std::int64_t time_of(const seqcast::Delivery& delivery) noexcept;
/// Seconds of time.monotonic(), or None.
PyObject* seconds_of(std::int64_t time_ns);
/// What of `buffer` a numpy array shows.
PyObject* array_of(PyObject* buffer, PyObject* records);

/// Waits on several Subscribers: wait_any() of seqcast.
PyObject* wait_any(PyObject* self, PyObject* arguments, PyObject* names);

} // namespace python
