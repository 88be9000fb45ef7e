// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each op that is not free starts as a group of its own; then
//   - a projection takes the rounding of its result,
//   - token-local groups over the same tokens become one, as long as no op
//     needs another token of what its own kernel computes,
//   - ops for a single block join those whose results they need,
// always unless a third group would have to run between the two. A block of a
// GPU keeps its tiles in registers and computes one result, so for a GPU
//   - a token-local group takes only ops that it alone reads, element for
//     element,
//   - nothing is for a single block.

#include "passes/KernelGroups.h"

#include "dialect/routed/Routed.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/BufferPlaces.h"
#include "passes/TokenNeeds.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

StringRef headgate::passes::kindName(KernelKind kind) {
  switch (kind) {
  case KernelKind::attend:
    return "attend";
  case KernelKind::gemm:
    return "gemm";
  case KernelKind::rows:
    return "rows";
  case KernelKind::append:
    return "append";
  case KernelKind::function:
    return "function";
  }
  llvm_unreachable("all kinds are listed");
}

//===-- what an op is ----------------------------------------------------===//

static bool isDenseAttend(Operation *op) {
  auto attend = dyn_cast<routed::AttendOp>(op);
  if (!attend)
    return false;
  routed::LoweringClass form = attend.getLoweringClass();
  return form == routed::LoweringClass::A || form == routed::LoweringClass::D;
}

/// The rows are picked while a query is loaded: it need not exist.
static bool isQueryGather(Operation *op) {
  if (!isa<routed::GatherOp>(op))
    return false;
  return llvm::all_of(op->getUses(), [](OpOperand &use) {
    return isDenseAttend(use.getOwner()) && use.getOperandNumber() == 0;
  });
}

static bool startsFromEmpty(linalg::LinalgOp op) {
  return llvm::all_of(op.getDpsInits(), [](Value init) {
    return init.getDefiningOp<tensor::EmptyOp>();
  });
}

bool headgate::passes::isFree(Operation *op, const ExtentTexts &texts) {
  if (op->getNumRegions() == 0 && isMemoryEffectFree(op) &&
      llvm::none_of(op->getResultTypes(), llvm::IsaPred<TensorType>))
    return true;
  if (isa<arith::ConstantOp, tensor::EmptyOp, tensor::SplatOp,
          tensor::ConcatOp>(op))
    return true;
  if (isa<linalg::FillOp, linalg::BroadcastOp>(op))
    return startsFromEmpty(cast<linalg::LinalgOp>(op));
  return isTensorView(op, texts) || isQueryGather(op);
}

/// Is `map` the dimensions of `first` and then those of `second`, as they are?
static bool isSequence(AffineMap map, ArrayRef<unsigned> first,
                       ArrayRef<unsigned> second) {
  SmallVector<unsigned> expected(first);
  expected.append(second.begin(), second.end());
  return map.getNumResults() == expected.size() &&
         llvm::all_of_zip(map.getResults(), expected,
                          [](AffineExpr expr, unsigned d) {
                            auto dim = dyn_cast<AffineDimExpr>(expr);
                            return dim && dim.getPosition() == d;
                          });
}

/// y[m.., n..] = bias[n..] + sum over k.. of x[m.., k..] w[n.., k..] (or
/// w[k.., n..]), all row-major.
static bool isProjection(Operation *op) {
  auto contract = dyn_cast<linalg::ContractOp>(op);
  if (!contract)
    return false;
  auto init = contract.getDpsInitOperand(0)->get().getDefiningOp();
  if (!isa_and_present<linalg::FillOp, linalg::BroadcastOp>(init))
    return false;
  SmallVector<AffineMap> maps = contract.getIndexingMapsArray();
  SmallVector<unsigned> m, n, k;
  for (unsigned d = 0; d < contract.getNumLoops(); ++d) {
    bool inX = maps[0].isFunctionOfDim(d), inW = maps[1].isFunctionOfDim(d),
         inY = maps[2].isFunctionOfDim(d);
    if (inX && !inW && inY)
      m.push_back(d);
    else if (!inX && inW && inY)
      n.push_back(d);
    else if (inX && inW && !inY)
      k.push_back(d);
    else
      return false; // a batch dimension
  }
  return isSequence(maps[2], m, n) && isSequence(maps[0], m, k) &&
         (isSequence(maps[1], n, k) || isSequence(maps[1], k, n));
}

//===-- what a block on tiles can compute --------------------------------===//

static bool isElementwise(Operation *op) {
  if (!isMemoryEffectFree(op) || op->getNumResults() != 1 ||
      !isa<RankedTensorType>(op->getResult(0).getType()))
    return false;
  auto loops = dyn_cast<linalg::LinalgOp>(op);
  return loops ? loops.getNumParallelLoops() == loops.getNumLoops()
               : OpTrait::hasElementwiseMappableTraits(op);
}

/// Can an op take what this one computes for its own elements?
static bool isComputedOnTheWay(Operation *op) {
  return isa<routed::GatherOp, routed::RopeOp>(op) || isElementwise(op);
}

static bool computesOnTheWay(Operation *op) {
  return isa<routed::SelectOp, routed::MeanHeadsOp, routed::CombineOp>(op) ||
         isComputedOnTheWay(op);
}

static KernelKind kindOf(Operation *op, bool forGpu) {
  if (isDenseAttend(op))
    return KernelKind::attend;
  if (isProjection(op))
    return KernelKind::gemm;
  if (isa<routed::AppendOp>(op))
    return KernelKind::append;
  if (forGpu && isElementwise(op) &&
      cast<RankedTensorType>(op->getResult(0).getType()).getRank() > 0)
    return KernelKind::rows; // of a vector, too
  return tokenNeeds(op) ? KernelKind::rows : KernelKind::function;
}

namespace {

//===-- which op needs which ---------------------------------------------===//

/// The ops that one op needs, through free ops; true where it needs no token
/// but its own of them.
using Needed = llvm::SmallMapVector<Operation *, bool, 4>;

class NeededOps {
public:
  NeededOps(Block &body, const ExtentTexts &texts) : body(body), texts(texts) {}

  Needed of(Operation *op) {
    needed.clear();
    auto needs = tokenNeeds(op);
    for (OpOperand &operand : op->getOpOperands())
      visit(operand.get(),
            needs ? (*needs)[operand.getOperandNumber()] : wholeTensor);
    SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    for (Value value : captured)
      visit(value, wholeTensor);
    return std::move(needed);
  }

private:
  void visit(Value value, TokenNeed need) {
    Operation *op = value.getDefiningOp();
    bool isExtent = isa<IndexType>(value.getType()) && texts.index(value);
    if (!op || op->getBlock() != &body || isExtent)
      return;
    if (!isFree(op, texts)) {
      auto [known, isNew] = needed.insert({op, need == ownToken});
      known->second &= need == ownToken;
      return;
    }
    // A concat is read from memory: all of it must have been written.
    auto needs = isa<tensor::ConcatOp>(op) || need != ownToken ? std::nullopt
                                                               : tokenNeeds(op);
    for (OpOperand &operand : op->getOpOperands())
      visit(operand.get(),
            needs ? (*needs)[operand.getOperandNumber()] : wholeTensor);
  }

  Block &body;
  const ExtentTexts &texts;
  Needed needed;
};

//===-- grouping ---------------------------------------------------------===//

class Grouping {
public:
  Grouping(func::FuncOp func, const ExtentTexts &texts, bool forGpu)
      : func(func), texts(texts), forGpu(forGpu) {}

  SmallVector<KernelGroup> run() {
    startGroups();
    absorbRoundings();
    if (forGpu) {
      joinPairs([&](unsigned a, unsigned b) { return whyApart(a, b).empty(); });
      reportApart();
      return inOrder();
    }
    joinPairs([&](unsigned a, unsigned b) { return isRowsPair(a, b); });
    joinPairs([&](unsigned a, unsigned b) { return isFunctionPair(a, b); });
    return inOrder();
  }

private:
  void startGroups() {
    Block &body = func.getBody().front();
    NeededOps neededOps(body, texts);
    for (Operation &op : body.without_terminator()) {
      if (isFree(&op, texts))
        continue;
      groupOf[&op] = groups.size();
      groups.push_back({kindOf(&op, forGpu), {&op}, tokensOf(&op)});
      needed[&op] = neededOps.of(&op);
    }
  }

  SmallVector<std::string> tokensOf(Operation *op) const {
    if (!tokenNeeds(op) && !isa<routed::AppendOp>(op))
      return {};
    SmallVector<std::string> tokens;
    for (Value result : op->getResults()) {
      SmallVector<std::string> own = {*texts.extent(result, 0),
                                      *texts.extent(result, 1)};
      if (!tokens.empty() && tokens != own)
        return {};
      tokens = own;
    }
    return tokens;
  }

  /// y = truncf(contract(..)) is rounded where it is stored.
  void absorbRoundings() {
    for (unsigned a = 0; a < groups.size(); ++a) {
      if (groups[a].kind != KernelKind::gemm)
        continue;
      Operation *contract = groups[a].ops[0];
      if (!contract->hasOneUse())
        continue;
      auto round = dyn_cast<arith::TruncFOp>(*contract->user_begin());
      if (round && groupOf.contains(round))
        join(a, groupOf[round]);
    }
  }

  /// Joins pairs of groups, earlier ones first, until none is left to join.
  void joinPairs(llvm::function_ref<bool(unsigned, unsigned)> fits) {
    for (unsigned b = 0; b < groups.size(); ++b)
      for (unsigned a = 0; a < b && !groups[b].ops.empty(); ++a)
        if (!groups[a].ops.empty() && fits(a, b) && !isBetween(a, b))
          join(a, b);
  }

  bool isRowsPair(unsigned a, unsigned b) {
    return groups[a].kind == KernelKind::rows &&
           groups[b].kind == KernelKind::rows && !groups[a].tokens.empty() &&
           groups[a].tokens == groups[b].tokens && isLocal(a, b) &&
           isLocal(b, a);
  }

  /// Why `b` does not compute what `a` does; "" if it can.
  std::string whyApart(unsigned a, unsigned b) {
    if (groups[a].kind != KernelKind::rows ||
        groups[b].kind != KernelKind::rows || !needsGroup(b, a))
      return "they have nothing to do with each other";
    Operation *maker = groups[a].ops.back();
    std::string name = "'" + maker->getName().getStringRef().str() + "'";
    if (!isComputedOnTheWay(maker))
      return name + " is computed once, not for each reader";
    for (Operation *user : maker->getUsers()) {
      auto its = groupOf.find(user);
      if (its == groupOf.end())
        return name + " is read through a view, or returned";
      if (its->second != b)
        return name + " has several readers";
      if (!computesOnTheWay(user))
        return "'" + user->getName().getStringRef().str() +
               "' reads it from memory";
    }
    return groups[a].tokens == groups[b].tokens && isLocal(b, a)
               ? ""
               : "a token needs other tokens of " + name;
  }

  /// Says of each kernel on rows what it reads from memory that another
  /// computes.
  void reportApart() {
    for (unsigned b = 0; b < groups.size(); ++b)
      for (unsigned a = 0; a < groups.size(); ++a) {
        if (a == b || groups[a].ops.empty() || groups[b].ops.empty() ||
            groups[a].kind != KernelKind::rows ||
            groups[b].kind != KernelKind::rows || !needsGroup(b, a))
          continue;
        Operation *user = groups[b].ops.back();
        remark::missed(user->getLoc(), remark::RemarkOpts::name("apart")
                                           .category("form-kernels")
                                           .function(func.getName()))
            << "'" + user->getName().getStringRef().str() +
                   "' is in a kernel of its own: " + whyApart(a, b);
      }
  }

  bool isFunctionPair(unsigned a, unsigned b) {
    return groups[a].kind == KernelKind::function &&
           groups[b].kind == KernelKind::function &&
           (needsGroup(a, b) || needsGroup(b, a));
  }

  /// Does `user` need only own tokens of what `maker` computes?
  bool isLocal(unsigned user, unsigned maker) {
    for (Operation *op : groups[user].ops)
      for (auto [other, local] : needed[op])
        if (groupOf[other] == maker && !local)
          return false;
    return true;
  }

  bool needsGroup(unsigned user, unsigned maker) {
    for (Operation *op : groups[user].ops)
      for (auto [other, local] : needed[op])
        if (groupOf[other] == maker)
          return true;
    return false;
  }

  /// Does `user` need `maker` by way of a third group?
  bool needsThroughThird(unsigned user, unsigned maker) {
    SmallVector<unsigned> pending = {user};
    llvm::DenseSet<unsigned> seen;
    while (!pending.empty()) {
      unsigned at = pending.pop_back_val();
      for (Operation *op : groups[at].ops)
        for (auto [other, local] : needed[op]) {
          unsigned next = groupOf[other];
          if (next == maker && at != user)
            return true;
          if (next != maker && next != user && seen.insert(next).second)
            pending.push_back(next);
        }
    }
    return false;
  }

  bool isBetween(unsigned a, unsigned b) {
    return needsThroughThird(a, b) || needsThroughThird(b, a);
  }

  void join(unsigned a, unsigned b) {
    for (Operation *op : groups[b].ops) {
      groupOf[op] = a;
      groups[a].ops.push_back(op);
    }
    groups[b].ops.clear();
    llvm::sort(groups[a].ops, [](Operation *x, Operation *y) {
      return x->isBeforeInBlock(y);
    });
  }

  /// Behind what they need, and otherwise in program order.
  SmallVector<KernelGroup> inOrder() {
    SmallVector<KernelGroup> ordered;
    llvm::DenseSet<unsigned> done;
    auto isReady = [&](unsigned g) {
      for (Operation *op : groups[g].ops)
        for (auto [other, local] : needed[op])
          if (groupOf[other] != g && !done.contains(groupOf[other]))
            return false;
      return true;
    };
    while (true) {
      std::optional<unsigned> next;
      for (unsigned g = 0; g < groups.size(); ++g)
        if (!groups[g].ops.empty() && !done.contains(g) && isReady(g) &&
            (!next || groups[g].ops[0]->isBeforeInBlock(groups[*next].ops[0])))
          next = g;
      if (!next)
        return ordered;
      done.insert(*next);
      ordered.push_back(groups[*next]);
    }
  }

  func::FuncOp func;
  const ExtentTexts &texts;
  bool forGpu;
  SmallVector<KernelGroup> groups;
  llvm::DenseMap<Operation *, unsigned> groupOf;
  llvm::DenseMap<Operation *, Needed> needed;
};

//===-- remarks ----------------------------------------------------------===//

std::string listOps(const KernelGroup &group) {
  SmallVector<StringRef> names;
  for (Operation *op : group.ops)
    names.push_back(op->getName().getStringRef());
  return llvm::join(names, ", ");
}

void report(const KernelGroup &group, StringRef function) {
  auto options = [&](StringRef name) {
    return remark::RemarkOpts::name(name)
        .category("form-kernels")
        .function(function);
  };
  Location loc = group.ops[0]->getLoc();
  if (group.kind == KernelKind::function)
    remark::missed(loc, options("one-block"))
        << listOps(group) +
               " left to one block: a token of the result needs other tokens";
  else
    remark::passed(loc, options(kindName(group.kind)))
        << "one kernel: " + listOps(group);
}

} // namespace

SmallVector<KernelGroup> headgate::passes::groupOps(func::FuncOp func,
                                                    const ExtentTexts &texts,
                                                    bool forGpu) {
  SmallVector<KernelGroup> groups = Grouping(func, texts, forGpu).run();
  for (const KernelGroup &group : groups)
    report(group, func.getName());
  return groups;
}
