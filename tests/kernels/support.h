// What the tests of kernels have in common: the devices, guarded tensors, the comparisons of
// tests/cases as Catch2 assertions, and the errors that are thrown.
#pragma once

#include <string>

#include "tests/cases/guarded_tensor.h"
#include "tests/reference/tolerance.h"
#include "tests/support/catch.h"
#include "tests/support/devices.h"

namespace dcgan::test {

using reference::tolerance;

/// Makes an assertion of each comparison of tests/cases; `where` names the case and the device.
inline Report assertions(const std::string& where) {
  return [where](const Comparison& comparison) {
    INFO(where << ": " << comparison.name);
    CHECK(comparison.error() <= comparison.bound);
  };
}

/// The kind and the message of the Error that body throws; fails when it throws none.
struct Thrown {
  ErrorKind kind = ErrorKind::internal;
  std::string message;
};
template <class Body>
Thrown thrown_by(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return {error.kind(), error.what()};
  }
  FAIL("no error was thrown");
  return {};
}

}  // namespace dcgan::test
