// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A case as the text of a function that headgate-compile takes.

#ifndef HEADGATE_TEST_KERNELS_ATTENDENTRY_H
#define HEADGATE_TEST_KERNELS_ATTENDENTRY_H

#include "AttendCase.h"

#include <string_view>

namespace headgate::kernels {

/// The inputs of the entry, in order.
std::vector<TestInput> inputsOf(const AttendCase &c);
/// `func.func @NAME`: choose experts, gather, attend, bring the heads together.
/// Results: the rows, experts where some are chosen, lse where it is asked for.
std::string printEntry(const AttendCase &c, std::string_view name);

} // namespace headgate::kernels

#endif // HEADGATE_TEST_KERNELS_ATTENDENTRY_H
