// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A dense product takes the time of its arithmetic or of reading its matrices,
// whichever is longer; what is written to be read again goes to memory and
// back.

#include "lib/RoutedCost.h"

#include <algorithm>

namespace headgate {

namespace {

double denseNs(DType dtype, const Target &target, double rows, double inner,
               double cols) {
  bool isFaster = dtype == DType::bf16 && target.hasDotBf16;
  double rate = target.flopsPerNs * (isFaster ? target.dotBf16Factor : 1);
  double bytes = inner * cols * double(byteWidth(dtype));
  return std::max(2 * rows * inner * cols / rate,
                  bytes / target.memoryBytesPerNs);
}

/// Written and read again.
double thereAndBackNs(DType dtype, const Target &target, double elements) {
  return 2 * elements * double(byteWidth(dtype)) / target.memoryBytesPerNs;
}

} // namespace

double chosenProjectionNs(const ExpertProjection &p, const Target &target,
                          int64_t tokens) {
  double rows = double(tokens * p.groups * p.chosen);
  return 2 * rows * double(p.inner) * double(p.cols) / target.rowFlopsPerNs;
}

double denseProjectionNs(const ExpertProjection &p, const Target &target,
                         int64_t tokens) {
  double all = double(p.groups * p.experts);
  double inner = double(p.inner) * (p.fromSlots ? all : 1);
  double cols = double(p.cols) * (p.fromSlots ? 1 : all);
  double ns = denseNs(p.dtype, target, double(tokens), inner, cols);
  if (p.experts > p.chosen)
    ns += thereAndBackNs(p.dtype, target,
                         double(tokens) * (p.fromSlots ? inner : cols));
  if (p.transposes)
    ns += thereAndBackNs(p.dtype, target, inner * cols);
  return ns;
}

double meanOfRowsNs(const ProjectedMean &mean, const Target &target,
                    int64_t tokens) {
  double row = double(mean.width * byteWidth(mean.dtype));
  // The rows have just been written; their mean is read by another kernel.
  return double(tokens) * (double(mean.heads) * row / target.sharedBytesPerNs +
                           row / target.memoryBytesPerNs);
}

double meanOfMatricesNs(const ProjectedMean &mean, const Target &target,
                        int64_t tokens) {
  double inner = double(mean.inner), width = double(mean.width);
  double matrix = inner * width * double(byteWidth(mean.dtype));
  double row = width * double(byteWidth(mean.dtype));
  return double(mean.heads + 1) * matrix / target.memoryBytesPerNs +
         denseNs(mean.dtype, target, double(tokens), inner, width) +
         double(tokens) * row / target.memoryBytesPerNs;
}

} // namespace headgate
