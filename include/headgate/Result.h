// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Errors as values. A function that a user's input can make fail returns a
// Result<T>; the error has a code to act on and a message to read, and each
// layer on the way up may say what it was doing:
//
//   auto plan = parsePlan(text);
//   if (!plan)
//     return std::move(plan).error().in("bundle 'gqe.hgb'");

#ifndef HEADGATE_RESULT_H
#define HEADGATE_RESULT_H

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace headgate {

/// What a caller can do about an error. Tools map `unavailable` to exit code 4,
/// `checkFailed` to 3 and all others to 1.
enum class ErrorCode {
  badInput,    ///< the caller's data or arguments are wrong
  notFound,    ///< a file, entry, kernel or symbol does not exist
  corrupt,     ///< a file is damaged or not what it says it is
  unsupported, ///< understood, but not available in this build or version
  unavailable, ///< the device or tool is not on this machine
  outOfMemory, ///< an allocation failed
  deviceLost,  ///< the device is unusable until the process ends
  timeout,     ///< a deadline passed
  checkFailed, ///< it ran, and a check that was asked for found something
  failed,      ///< any other failure of the system below
};

class [[nodiscard]] Error {
public:
  Error(ErrorCode code, std::string message)
      : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string &message() const { return message_; }

  /// The same error with what was being done before it: "context: message".
  Error in(const std::string &context) && {
    message_ = context + ": " + message_;
    return std::move(*this);
  }

private:
  ErrorCode code_;
  std::string message_;
};

/// Either a value or an Error. Reading the side that is not there is a bug of
/// the program and asserts.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }

  T &operator*() & { return value(); }
  const T &operator*() const & { return const_cast<Result *>(this)->value(); }
  T &&operator*() && { return std::move(value()); }
  T *operator->() { return &value(); }
  const T *operator->() const { return &const_cast<Result *>(this)->value(); }

  const Error &error() const & {
    assert(!*this && "a result that holds a value has no error");
    return *std::get_if<1>(&state_);
  }
  Error error() && {
    assert(!*this && "a result that holds a value has no error");
    return std::move(*std::get_if<1>(&state_));
  }

private:
  T &value() {
    assert(*this && "read the value of a failed result");
    return *std::get_if<0>(&state_);
  }

  std::variant<T, Error> state_;
};

/// The value of an operation that has nothing to return.
struct Success {};
using Status = Result<Success>;

} // namespace headgate

#endif // HEADGATE_RESULT_H
