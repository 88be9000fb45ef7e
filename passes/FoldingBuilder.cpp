// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/FoldingBuilder.h"

using namespace mlir;
using namespace headgate::passes;

Value FoldingBuilder::add(Value a, Value b) {
  return createOrFold<arith::AddIOp>(a, b);
}
Value FoldingBuilder::sub(Value a, Value b) {
  return createOrFold<arith::SubIOp>(a, b);
}
Value FoldingBuilder::mul(Value a, Value b) {
  return createOrFold<arith::MulIOp>(a, b);
}
Value FoldingBuilder::div(Value a, Value b) {
  return createOrFold<arith::DivUIOp>(a, b);
}
Value FoldingBuilder::rem(Value a, Value b) {
  return createOrFold<arith::RemUIOp>(a, b);
}
Value FoldingBuilder::compare(arith::CmpIPredicate predicate, Value a,
                              Value b) {
  return createOrFold<arith::CmpIOp>(predicate, a, b);
}
Value FoldingBuilder::either(Value a, Value b) {
  return !a ? b : !b ? a : createOrFold<arith::OrIOp>(a, b);
}
Value FoldingBuilder::both(Value a, Value b) {
  return !a ? b : !b ? a : createOrFold<arith::AndIOp>(a, b);
}
Value FoldingBuilder::select(Value condition, Value a, Value b) {
  return createOrFold<arith::SelectOp>(condition, a, b);
}
