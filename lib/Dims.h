// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sizes of a call as people write them, `B=1,S=2048`, and what they make of
// an entry's tensors.

#ifndef HEADGATE_LIB_DIMS_H
#define HEADGATE_LIB_DIMS_H

#include "headgate/Plan.h"
#include "headgate/Result.h"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace headgate {

/// Names and values in the order in which they were written.
using NamedDims = std::vector<std::pair<std::string, int64_t>>;

/// Reads "NAME=NUMBER,..."; no name occurs twice.
Result<NamedDims> parseDims(std::string_view text);

/// "B=1,S=2048"
std::string formatDims(const NamedDims &dims);

/// The values of the dims of `entry`, in its order. Each must be among `dims`
/// and in its range; others that `dims` has are left aside.
Result<std::vector<int64_t>> dimsOf(const PlanEntry &entry,
                                    const NamedDims &dims);

/// The extents of an input or output of `entry` at these values of its dims.
Result<std::vector<int64_t>> shapeOf(const PlanEntry &entry,
                                     const PlanTensor &tensor,
                                     std::span<const int64_t> dims);

} // namespace headgate

#endif // HEADGATE_LIB_DIMS_H
