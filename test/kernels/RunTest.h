// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One call of a kernel under test, on any device, compared with the reference.

#ifndef HEADGATE_TEST_KERNELS_RUNTEST_H
#define HEADGATE_TEST_KERNELS_RUNTEST_H

#include "TestKernel.h"
#include "headgate/Runtime.h"

namespace headgate::kernels {

/// What is wrong with the results of one call; "" if nothing is.
std::string check(const TestKernel &test, const ProblemSizes &sizes,
                  uint64_t seed, const std::shared_ptr<const Session> &session,
                  const std::string &entry);

/// Whether the kernel under test was made of tiles: those that are not have no
/// schedule, and are as right as they are slow.
bool isScheduled(const Plan &plan, const std::string &kernel);

} // namespace headgate::kernels

#endif // HEADGATE_TEST_KERNELS_RUNTEST_H
