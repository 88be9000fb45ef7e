// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   routed.gather %q[%experts]        experts:M, of the source's
//   routed.append .. at %position     P-S..0, so that all rows fit
//   routed.attend kv_len(%n)          T..0
//                 q_len(%n)           S..0
//                 kv_start(%n)        0..T/2
//   routed.rope positions(%p)         0..L-1, the rows of its tables
//
// Of several uses the first in this order counts: a position of a cache is also
// one of the tables, which are as long. The first sequence of a batch is as
// long as its sizes say. Covered by test/tools/tune/integers.test.

#include "passes/InputDraws.h"

#include "dialect/routed/Routed.h"
#include "passes/ExtentTexts.h"
#include "llvm/ADT/TypeSwitch.h"

#include <optional>
#include <set>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

struct Meaning {
  int order; ///< less counts more
  std::string draw;
  bool operator<(const Meaning &other) const {
    return std::tie(order, draw) < std::tie(other.order, other.draw);
  }
};
using Meanings = std::set<Meaning>;

class Reader {
public:
  explicit Reader(const ExtentTexts &texts) : texts(texts) {}

  Meanings meanings;

  void read(Value value) {
    for (OpOperand &use : value.getUses())
      TypeSwitch<Operation *>(use.getOwner())
          .Case<routed::GatherOp>([&](routed::GatherOp op) {
            experts(texts.extent(op.getSource(), 3));
          })
          .Case<routed::LinearOp>([&](routed::LinearOp op) {
            experts(texts.extent(op.getMatrices(), 1));
          })
          .Case<routed::BalanceLossOp>([&](routed::BalanceLossOp op) {
            experts(texts.extent(op.getProbs(), 3));
          })
          .Case<routed::DispatchOp>([&](routed::DispatchOp op) {
            experts(std::to_string(op.getNumExperts()));
          })
          .Case<routed::CombineOp>([&](routed::CombineOp op) {
            if (op.getNumExperts())
              experts(std::to_string(*op.getNumExperts()));
          })
          .Case<routed::AppendOp>([&](routed::AppendOp op) {
            if (value != op.getPosition())
              return read(op.getResult()); // a cache of experts
            auto rows = texts.extent(op.getRows(), 1);
            auto cache = texts.extent(op.getCache(), 1);
            if (rows && cache)
              add(1, "max(" + *cache + "-(" + *rows + "),0)..0");
          })
          .Case<routed::AttendOp>([&](routed::AttendOp op) {
            if (value == op.getExperts() || value == op.getHistory())
              return experts(std::to_string(*op.getNumExperts()));
            auto S = texts.extent(op.getQuery(), 1);
            auto T = texts.extent(op.getKey(), 1);
            if (value == op.getKvLen() && T)
              add(2, *T + "..0");
            if (value == op.getQLen() && S)
              add(3, *S + "..0");
            if (value == op.getKvStart() && T)
              add(4, "0..(" + *T + ")/2");
          })
          .Case<routed::RopeOp>([&](routed::RopeOp op) {
            if (auto rows = texts.extent(op.getCos(), 0))
              add(5, "0..max(" + *rows + "-1,0)");
          });
  }

private:
  void experts(std::optional<std::string> count) {
    if (count)
      add(0, "experts:" + *count);
  }
  void add(int order, std::string draw) { meanings.insert({order, draw}); }

  const ExtentTexts &texts;
};

} // namespace

InputDraws headgate::passes::inputDraws(func::FuncOp function,
                                        const PlanEntry &entry) {
  InputDraws draws;
  std::optional<ExtentTexts> texts;
  for (auto [argument, input] :
       llvm::zip(function.getArguments(), entry.inputs)) {
    if (isFloat(input.dtype) || input.dtype == DType::i1)
      continue;
    if (!texts) {
      FailureOr<ExtentTexts> derived = ExtentTexts::of(function);
      if (failed(derived))
        return draws;
      texts.emplace(std::move(*derived));
    }
    Reader reader(*texts);
    reader.read(argument);
    const Meanings &found = reader.meanings;
    bool isOne = found.size() == 1 ||
                 (found.size() > 1 &&
                  found.begin()->order != std::next(found.begin())->order);
    if (isOne && parseInputDraw(found.begin()->draw))
      draws[input.name] = found.begin()->draw;
  }
  return draws;
}
