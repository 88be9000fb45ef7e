// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The attribute #tile.frag: its text and what makes it a layout of a tile.
//
//   #tile.frag<reg [2:c1, 2:r8], lane [4:x, 8:r1], warp [4:r16]>

#include "dialect/tile/Tile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace headgate::tile;

//===-- text -------------------------------------------------------------===//

/// Parses `8:c4` or `4:x`.
static ParseResult parseDigit(AsmParser &parser, Digit &digit) {
  StringRef place;
  if (parser.parseInteger(digit.extent) || parser.parseColon())
    return failure();
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&place))
    return failure();
  if (place == "x")
    return success();
  digit.dim = place.starts_with("r") ? 0 : 1;
  if ((!place.consume_front("r") && !place.consume_front("c")) ||
      place.getAsInteger(10, digit.stride))
    return parser.emitError(loc, "expected 'x', or 'r' or 'c' and a stride");
  return success();
}

ParseResult headgate::tile::parseDigits(AsmParser &parser,
                                        SmallVector<Digit> &digits) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&] {
    return parseDigit(parser, digits.emplace_back());
  });
}

void headgate::tile::printDigits(AsmPrinter &printer, ArrayRef<Digit> digits) {
  printer << "[";
  llvm::interleaveComma(digits, printer, [&](const Digit &digit) {
    printer << digit.extent << ":";
    if (digit.dim == Digit::copy)
      printer << "x";
    else
      printer << (digit.dim == 0 ? "r" : "c") << digit.stride;
  });
  printer << "]";
}

//===-- meaning ----------------------------------------------------------===//

LogicalResult FragAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               ArrayRef<Digit> reg, ArrayRef<Digit> lane,
                               ArrayRef<Digit> warp) {
  for (const Digit &digit : llvm::concat<const Digit>(reg, lane, warp))
    if (digit.extent < 1 ||
        (digit.dim != Digit::copy && digit.stride < 1)) // frag (C1)
      return emitError() << "a digit of extent " << digit.extent
                         << " and stride " << digit.stride
                         << ", but at least 1 is needed";
  int64_t lanes = 1;
  for (const Digit &digit : lane)
    if (llvm::MulOverflow(lanes, digit.extent, lanes)) // frag (C2)
      return emitError() << "has more lanes than an integer counts";
  if (lanes != 32) // frag (C2)
    return emitError() << "has " << lanes << " lanes, not 32";
  return success();
}

LogicalResult
FragAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                         function_ref<InFlightDiagnostic()> emitError) const {
  SmallVector<Digit> digits;
  for (ArrayRef<Digit> some : {getReg(), getLane(), getWarp()})
    llvm::append_range(digits, some);
  llvm::sort(digits, [](const Digit &a, const Digit &b) {
    return a.stride < b.stride;
  });
  SmallVector<int64_t> counted(shape.size(), 1);
  for (const Digit &digit : digits) {
    if (digit.dim == Digit::copy || digit.extent == 1)
      continue;
    if (digit.dim >= int64_t(shape.size())) // frag (C3)
      return emitError() << "a fragment with columns holds a tile of rank 2, "
                            "not of rank "
                         << shape.size();
    int64_t &count = counted[digit.dim];
    if (digit.stride != count ||
        llvm::MulOverflow(count, digit.extent, count)) // frag (C3)
      return emitError() << "a fragment counts " << count
                         << (digit.dim == 0 ? " rows" : " columns")
                         << " and then has a digit of stride " << digit.stride;
  }
  for (auto [dim, extent] : llvm::enumerate(shape))
    if (counted[dim] != extent) // frag (C3)
      return emitError() << "a fragment of " << counted[dim]
                         << (dim == 0 ? " rows" : " columns")
                         << " cannot hold a tile of " << extent;
  return success();
}
