// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NumPy's .npy files: a magic, a version, a header that is a Python dictionary
// ('descr', 'fortran_order', 'shape'), then the elements. Read are versions 1,
// 2 and 3, C order, little-endian, of these types:
//
//   f2 f4 f8        f16, f32, f64          i1 i2 i4 i8   i8, i16, i32, i64
//   u1              u8                     b1            i1
//   V2              bf16, if the caller asks: numpy has no bf16, and its users
//                   keep the 2-byte words as void, u2 or i2
//
// Everything else is refused by name. Format: numpy/lib/format.py.

#ifndef HEADGATE_LIB_NPY_H
#define HEADGATE_LIB_NPY_H

#include "headgate/Result.h"
#include "lib/Array.h"

#include <optional>
#include <string>

namespace headgate {

/// Reads the file in its own element type. `wanted` = bf16 takes 2-byte words
/// (V2, u2, i2) as bf16; otherwise `wanted` changes nothing: convert() does.
/// An error says what is wrong with the file and names it. Refused are more
/// than maxRank dimensions, and files that are shorter or longer than their
/// header says.
Result<Array> readNpy(const std::string &path,
                      std::optional<DType> wanted = std::nullopt);

/// Writes version 1.0; bf16 as '<V2'. A reader sees the old file or the whole
/// new one, never a part.
Status writeNpy(const std::string &path, const Array &array);

} // namespace headgate

#endif // HEADGATE_LIB_NPY_H
