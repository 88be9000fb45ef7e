// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The files of a case: reading it, writing what the reference gives, comparing
// that with what is stored.

#ifndef HEADGATE_TEST_REFERENCE_CASEFILES_H
#define HEADGATE_TEST_REFERENCE_CASEFILES_H

#include "Case.h"
#include "Inputs.h"
#include "Layers.h"
#include "lib/Array.h"
#include "lib/Compare.h"

#include <map>
#include <string>
#include <vector>

namespace headgate::reference {

Result<Case> readCase(const std::string &directory);

/// Reads in.NAME.npy of all inputs of the case. An optional one may be missing
/// unless case.json lists it.
Result<Inputs> readInputs(const Case &c, const std::string &directory);

/// f64 and i32, as computed.
using NamedArrays = std::map<std::string, Array>;
NamedArrays arraysOf(const Results &results);

/// Those that the case expects, or all if it lists none. Expected tensors that
/// this layer does not give are an error.
Result<NamedArrays> expectedOf(const Case &c, NamedArrays arrays);

/// Writes PREFIX.NAME.npy, floats rounded to f32. Makes the directory.
Status writeArrays(const std::string &prefix, const NamedArrays &arrays,
                   const std::string &directory);
Status writeText(const std::string &path, const std::string &text);

struct Check {
  std::string name;
  Tolerance tolerance;
  Comparison comparison;
};
/// Compares with the stored out.NAME.npy at the case's f64 tolerances.
Result<std::vector<Check>> checkArrays(const Case &c, const NamedArrays &arrays,
                                       const std::string &directory);

} // namespace headgate::reference

#endif // HEADGATE_TEST_REFERENCE_CASEFILES_H
