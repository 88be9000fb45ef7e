// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a kernel computes, as far as it matters to how it is best computed:
// element types, static extents, options. Dynamic extents come apart, as
// ProblemSizes, because one kernel serves all of them.

#ifndef HEADGATE_PROBLEM_H
#define HEADGATE_PROBLEM_H

#include "headgate/Tensor.h"

#include <cstdint>
#include <variant>

namespace headgate {

/// Attention of lowering class A or D: the key head of a query head is known
/// before the kernel runs.
struct AttendProblem {
  DType dtype = DType::f32; ///< of rows: f32, f16 or bf16
  int64_t D = 64;           ///< width of queries and keys
  int64_t Dv = 64;          ///< width of values
  int64_t heads = 1;        ///< query heads of a token that are computed
  int64_t keyHeads = 1;     ///< key heads that some of them read
  /// The heads that read one key head are as many for each, at a constant
  /// distance: they can be the rows of one block.
  bool mergeable = true;
  /// The key heads that are read lie side by side.
  bool adjacent = true;
  bool gathered = false; ///< the query rows of chosen experts are picked
  bool causal = false;
  int64_t window = 0;  ///< 0: none
  bool mask = false;   ///< a mask tensor
  bool score = false;  ///< a score region
  bool bounds = false; ///< kv_start, kv_len or q_len
  bool lse = false;    ///< lse is stored

  bool operator==(const AttendProblem &) const = default;
};

/// A projection: rows times one matrix, f32 sums, maybe a bias, maybe rounded.
struct GemmProblem {
  DType dtype = DType::f32; ///< of rows and matrix
  DType result = DType::f32;
  int64_t inner = 1;       ///< terms of each sum
  int64_t cols = 1;        ///< columns of the result
  bool transposed = false; ///< the matrix is [cols, inner]
  bool bias = false;

  bool operator==(const GemmProblem &) const = default;
};

using Problem = std::variant<AttendProblem, GemmProblem>;

/// The dynamic extents of one call. A projection has B * S rows.
struct ProblemSizes {
  int64_t B = 1, S = 1, T = 1;
};

} // namespace headgate

#endif // HEADGATE_PROBLEM_H
