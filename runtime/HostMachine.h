// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Facts about the machine this process runs on: what its CPU can execute and
// how much of it the process may use. Containers count: a CPU or memory quota
// of the control group bounds what is reported here.

#ifndef HEADGATE_RUNTIME_HOSTMACHINE_H
#define HEADGATE_RUNTIME_HOSTMACHINE_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace headgate::runtime {

/// The CPU feature words (of a plan's `needs`) that this CPU has and the
/// operating system lets programs use, in the order of the plan's list.
std::vector<std::string> cpuFeatures();

/// "Intel(R) Xeon(R) ...", or the architecture if the system does not say.
std::string cpuName();
/// CPUs that this process may use, at least 1.
int usableCpus();
/// Main memory that this process may use; 0 if unknown.
int64_t usableMemoryBytes();
/// Size of the largest cache; 0 if unknown.
int64_t lastLevelCacheBytes();

/// The first number of a control-group file, e.g. "400000 100000" or "max";
/// -1 if there is none. `second` receives the number after it, or -1.
int64_t parseQuota(std::string_view text, int64_t *second = nullptr);

} // namespace headgate::runtime

#endif // HEADGATE_RUNTIME_HOSTMACHINE_H
