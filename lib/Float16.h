// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two 16-bit float formats as bit patterns. IEEE binary16 (f16) has 5
// exponent and 10 mantissa bits, bfloat16 (bf16) 8 and 7: the upper half of an
// f32. Widening is exact; narrowing rounds once, to nearest, ties to even. It
// starts from double because a way over f32 would round twice.

#ifndef HEADGATE_LIB_FLOAT16_H
#define HEADGATE_LIB_FLOAT16_H

#include <cstdint>

namespace headgate {

float widenF16(uint16_t bits);
float widenBF16(uint16_t bits);

/// Beyond the largest finite number is infinity; a NaN stays a NaN, quiet.
uint16_t narrowToF16(double value);
uint16_t narrowToBF16(double value);

} // namespace headgate

#endif // HEADGATE_LIB_FLOAT16_H
