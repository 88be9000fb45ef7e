// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the forms cost in which a layer can be written: projections by all
// experts or by the chosen ones, means of heads or of matrices. Enough to
// choose one, as lib/Cost is for schedules.

#ifndef HEADGATE_LIB_ROUTEDCOST_H
#define HEADGATE_LIB_ROUTEDCOST_H

#include "headgate/Target.h"
#include "headgate/Tensor.h"

#include <cstdint>

namespace headgate {

/// Rows times the matrices of the experts that each token chose.
struct ExpertProjection {
  DType dtype = DType::f32;
  int64_t groups = 1;  ///< R
  int64_t experts = 1; ///< M, of a group
  int64_t chosen = 1;  ///< k, of a group
  int64_t inner = 1;   ///< terms of each sum
  int64_t cols = 1;    ///< columns of one matrix
  /// Rows belong to slots, so that the dense form spreads them over all
  /// experts. Otherwise to tokens, and the dense form picks from its results.
  bool fromSlots = false;
  /// The dense form needs the matrices the other way round.
  bool transposes = false;
};

/// Nanoseconds on one core for `tokens` tokens: one row at a time with the
/// matrices it chose, or one product with the matrices of all experts.
double chosenProjectionNs(const ExpertProjection &projection,
                          const Target &target, int64_t tokens);
double denseProjectionNs(const ExpertProjection &projection,
                         const Target &target, int64_t tokens);

/// The mean over heads of rows that were projected.
struct ProjectedMean {
  DType dtype = DType::f32;
  int64_t heads = 1;
  int64_t width = 1; ///< of a head
  int64_t inner = 1; ///< terms of each sum of the projection
};

/// Nanoseconds on one core for `tokens` tokens: of the mean of the rows, or of
/// one more head in the projection whose matrix is the mean of the others.
double meanOfRowsNs(const ProjectedMean &mean, const Target &target,
                    int64_t tokens);
double meanOfMatricesNs(const ProjectedMean &mean, const Target &target,
                        int64_t tokens);

} // namespace headgate

#endif // HEADGATE_LIB_ROUTEDCOST_H
