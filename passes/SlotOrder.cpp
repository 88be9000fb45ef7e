// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A selection of all M experts leaves them in rank order, a permutation of the
// heads for each token. Where nothing depends on which slot an expert is in, it
// may as well take them in index order:
//
//   %e, %w, %p = routed.select %l top 4 softmax_all : tensor<?x?x2x4xf32>
//   %e, %w, %p = routed.select %l top 4 softmax_all order index : ...
//
// Canonicalization then finds the gather to be its source and the scatter to be
// a concat: what is left is dense attention. A concat of the slots shows their
// order (semantics 2.8); sums over them only differ in rounding.

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/SimplifyRouted.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

constexpr unsigned slotDim = 3; // of [B, S, R, k, ...]

/// What an op does with slots, if their order does not matter to it.
struct SlotUse {
  SmallVector<Value> slots;   ///< operands whose slots go together
  SmallVector<Value> results; ///< those that have the same slots
  bool adds = false;          ///< sums over the slots

  SlotUse &with(Value operand) {
    if (operand)
      slots.push_back(operand);
    return *this;
  }
  SlotUse &giving(Value result) {
    results.push_back(result);
    return *this;
  }
  SlotUse &adding() {
    adds = true;
    return *this;
  }
};

using MaybeUse = std::optional<SlotUse>;

int64_t rankOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

/// Do all slots of a group and sub-head read one key-value head?
bool sharesKeys(routed::AttendOp attend) {
  AffineMap map = attend.getKvHeadMap();
  if (!map.isFunctionOfDim(1))
    return true;
  ArrayRef<int64_t> heads = attend.getHeads();
  int64_t R = heads[0], k = heads[1], u = heads.size() > 2 ? heads[2] : 1;
  Builder b(attend.getContext());
  auto kvHead = [&](int64_t r, int64_t j, int64_t c) -> Attribute {
    SmallVector<Attribute> at = {b.getIndexAttr(r), b.getIndexAttr(j)}, result;
    if (heads.size() > 2)
      at.push_back(b.getIndexAttr(c));
    // An expert goes with its row; any shows what the slot does.
    at.append(map.getNumSymbols(), b.getIndexAttr(0));
    return succeeded(map.constantFold(at, result)) ? result[0] : Attribute();
  };
  for (int64_t r = 0; r < R; ++r)
    for (int64_t c = 0; c < u; ++c)
      for (int64_t j = 1; j < k; ++j)
        if (kvHead(r, j, c) != kvHead(r, 0, c))
          return false;
  return true;
}

MaybeUse useOf(routed::AttendOp attend) {
  // Score regions see the slot as the second head index, behind score, batch,
  // row and key.
  bool showsSlot = !attend.getScore().empty() &&
                   !attend.getScore().getArgument(4 + 1).use_empty();
  if (attend.getHistory() || attend.getHeads().size() < 2 || showsSlot ||
      !sharesKeys(attend))
    return {};
  return SlotUse()
      .with(attend.getQuery())
      .with(attend.getExperts())
      .giving(attend.getOutput())
      .giving(attend.getLse());
}

MaybeUse useOf(routed::LinearOp linear) {
  SlotUse use;
  use.with(linear.getExperts()).with(linear.getWeights());
  if (rankOf(linear.getInput()) == 5)
    use.with(linear.getInput());
  return linear.getSum() == routed::Sum::None ? use.giving(linear.getResult())
                                              : use.adding();
}

MaybeUse useOf(routed::CombineOp combine) {
  SlotUse use;
  use.with(combine.getSource()).with(combine.getWeights());
  switch (combine.getKind()) {
  case routed::Combine::Concat:
    return {};
  case routed::Combine::Sum:
    if (rankOf(combine.getWeights()) <= slotDim)
      return {}; // over groups: the slots stay
    return use.adding();
  case routed::Combine::Scatter:
    return use.with(combine.getExperts());
  }
  llvm_unreachable("all kinds are listed");
}

MaybeUse useOf(routed::RopeOp rope) {
  SlotUse use;
  use.with(rope.getSource()).giving(rope.getResult());
  if (rope.getPositions() && rankOf(rope.getPositions()) > slotDim)
    use.with(rope.getPositions());
  return use;
}

template <typename Reshape> MaybeUse useOfReshape(Reshape op) {
  SmallVector<ReassociationIndices> groups = op.getReassociationIndices();
  if (groups.size() <= slotDim)
    return {};
  for (unsigned d = 0; d <= slotDim; ++d)
    if (groups[d].size() != 1)
      return {};
  return SlotUse().with(op.getSrc()).giving(op.getResult());
}

/// Of ops that are elementwise on whole tensors.
MaybeUse useOfElementwise(Operation *op) {
  SlotUse use;
  for (Value operand : op->getOperands())
    if (isa<RankedTensorType>(operand.getType()))
      use.with(operand);
  for (Value result : op->getResults())
    use.giving(result);
  return use;
}

/// The loop over slots must be the same for all that has it, and nothing of the
/// body may see its number.
MaybeUse useOf(linalg::GenericOp generic, Value known) {
  auto operand = llvm::find_if(generic->getOpOperands(),
                               [&](OpOperand &o) { return o.get() == known; });
  AffineMap map = generic.getMatchingIndexingMap(&*operand);
  auto slot = dyn_cast<AffineDimExpr>(map.getResult(slotDim));
  if (!slot)
    return {};
  for (linalg::IndexOp index : generic.getBody()->getOps<linalg::IndexOp>())
    if (index.getDim() == slot.getPosition())
      return {};
  SlotUse use;
  for (OpOperand &other : generic->getOpOperands()) {
    AffineMap at = generic.getMatchingIndexingMap(&other);
    bool isRead = generic.payloadUsesValueFromOperand(&other);
    bool isInit = generic.isDpsInit(&other);
    if (!at.isFunctionOfDim(slot.getPosition()))
      continue;
    for (auto [d, expr] : llvm::enumerate(at.getResults()))
      if (expr.isFunctionOfDim(slot.getPosition()) &&
          (d != slotDim || expr != slot))
        return {};
    if (isRead)
      use.with(other.get());
    if (isInit)
      use.giving(generic.getTiedOpResult(&other));
  }
  bool sums = generic.getIteratorTypesArray()[slot.getPosition()] ==
              utils::IteratorType::reduction;
  return sums ? use.adding() : use;
}

MaybeUse useOf(Operation *op, Value known) {
  return TypeSwitch<Operation *, MaybeUse>(op)
      .Case<routed::AttendOp, routed::LinearOp, routed::CombineOp,
            routed::RopeOp>([](auto use) { return useOf(use); })
      .Case([](routed::GatherOp gather) {
        return SlotUse().with(gather.getExperts()).giving(gather.getResult());
      })
      .Case([](routed::BalanceLossOp loss) {
        return SlotUse().with(loss.getExperts());
      })
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
          [](auto reshape) { return useOfReshape(reshape); })
      .Case([](tensor::CastOp cast) {
        return SlotUse().with(cast.getSource()).giving(cast.getDest());
      })
      .Case([](tensor::DimOp dim) { return SlotUse().with(dim.getSource()); })
      .Case([&](linalg::GenericOp generic) { return useOf(generic, known); })
      .Default([](Operation *op) -> MaybeUse {
        if (OpTrait::hasElementwiseMappableTraits(op))
          return useOfElementwise(op);
        return {};
      });
}

/// Follows the slots of a selection to all that is made of them.
class SlotUses {
public:
  explicit SlotUses(routed::SelectOp select) {
    slotted.insert(select.getExperts());
    slotted.insert(select.getWeights());
    for (size_t i = 0; i < slotted.size() && !dependent; ++i)
      for (OpOperand &use : slotted[i].getUses())
        follow(use.getOwner(), slotted[i]);
    for (const auto &[op, use] : uses)
      if (!dependent && mixes(op, use))
        dependent = op;
  }

  Operation *dependent = nullptr; ///< the first op that shows the order
  bool adds = false;              ///< does some sum run over slots?

private:
  void follow(Operation *op, Value known) {
    MaybeUse use = useOf(op, known);
    if (!use) {
      dependent = op;
      return;
    }
    adds |= use->adds;
    slotted.insert_range(use->results);
    uses.emplace_back(op, std::move(*use));
  }

  /// Does `op` bring slots together with what is in another order?
  bool mixes(Operation *op, const SlotUse &use) const {
    SetVector<Value> read;
    getUsedValuesDefinedAbove(op->getRegions(), read);
    read.insert_range(op->getOperands());
    auto isOurs = [&](Value value) { return slotted.contains(value); };
    return !llvm::all_of(use.slots, isOurs) ||
           llvm::any_of(read, [&](Value value) {
             return isOurs(value) && !llvm::is_contained(use.slots, value);
           });
  }

  SetVector<Value> slotted;
  SmallVector<std::pair<Operation *, SlotUse>> uses;
};

void takeInIndexOrder(const Simplification &s, routed::SelectOp select) {
  constexpr StringRef name = "all-experts";
  int64_t all = select.getLogits().getType().getDimSize(3);
  if (select.getOrder() == routed::Order::Index || select.getK() != all ||
      all == 1)
    return;
  SlotUses uses(select);
  if (Operation *op = uses.dependent)
    return s.left(select, name,
                  "all experts run, in the order of their rank, which '" +
                      op->getName().getStringRef() + "' depends on");
  bool sumsWeights = select.getNorm() != routed::Norm::None ||
                     select.getActivation() == routed::Activation::SoftmaxTopk;
  bool adds = uses.adds || (sumsWeights && !select.getWeights().use_empty());
  if (adds && !s.reassociate)
    return s.left(select, name,
                  "all experts run; in index order their sums would round "
                  "otherwise, which allow-reassociation lets them");
  select.setOrder(routed::Order::Index);
  s.done(select, name, "all experts run, in index order: dense heads");
}

} // namespace

void headgate::passes::takeAllExpertsInIndexOrder(const Simplification &s) {
  for (routed::SelectOp select : s.all<routed::SelectOp>())
    takeInIndexOrder(s, select);
}
