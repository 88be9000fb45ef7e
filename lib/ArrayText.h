// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arrays as people type and read them, in IREE's form: "2x3xf32=[1 2 3][4 5
// 6]". What formatArray prints in full, parseElements reads.

#ifndef HEADGATE_LIB_ARRAYTEXT_H
#define HEADGATE_LIB_ARRAYTEXT_H

#include "headgate/Result.h"
#include "lib/Array.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

/// The array of this type and shape whose elements are the numbers of `text`,
/// in row-major order: one each, or one for all. Brackets and commas separate
/// like spaces. Floats may be inf and nan, i1 may be true and false.
Result<Array> parseElements(std::string_view text, DType dtype,
                            const std::vector<int64_t> &shape);

/// Normal random numbers with mean 0 and deviation 1. Element i depends on the
/// seed and on i only, so any machine draws the same.
Result<Array> drawNormal(uint64_t seed, DType dtype,
                         const std::vector<int64_t> &shape);

/// "2x3xf32", and "f32" for a scalar.
std::string formatType(DType dtype, std::span<const int64_t> shape);

/// "[0,17,4,9]"
std::string formatIndex(std::span<const int64_t> index);

enum class Elements : uint8_t { all, someOfMany };

constexpr int64_t manyElements = 64;

/// Type and elements. Of more than manyElements, `someOfMany` shows the first
/// and the last three along each dimension and dots between them.
std::string formatArray(const Array &array, Elements elements);

} // namespace headgate

#endif // HEADGATE_LIB_ARRAYTEXT_H
