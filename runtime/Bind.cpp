// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/Bind.h"

#include "runtime/Layout.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <utility>

namespace headgate::runtime {

namespace {

std::string kindOf(const TensorProgram &tensor) {
  return std::string(tensor.output ? "output" : "input") + " '" +
         tensor.plan->name + "'";
}

std::string formatExtents(const std::vector<ExtentProgram> &extents) {
  std::string text = "[";
  for (const ExtentProgram &extent : extents) {
    if (text.size() > 1)
      text += ',';
    text += extent.expr ? extent.expr->text : std::to_string(extent.number);
  }
  return text + "]";
}

std::string dimension(int i) { return "dimension " + std::to_string(i); }

std::string hex(uintptr_t address) {
  char text[2 + 2 * sizeof address + 1];
  std::snprintf(text, sizeof text, "0x%" PRIxPTR, address);
  return text;
}

} // namespace

Binder::Binder(const EntryProgram &entry, DeviceKind device, int index)
    : entry_(&entry), device_(device), index_(index),
      values_(entry.names.size()), source_(entry.names.size(), -1),
      memory_(entry.tensors.size()) {}

std::string Binder::describe(const TensorProgram &tensor) const {
  return "entry '" + entry_->plan->name +
         (tensor.output ? "' gives " : "' takes ");
}

/// "input 'k' is [2,4], but entry 'f' takes [B,T,8]: <why>"
Error Binder::mismatch(const TensorProgram &tensor, const TensorView &view,
                       const std::string &why) const {
  return Error(ErrorCode::badInput,
               kindOf(tensor) + " is " + formatExtents(view.extents()) +
                   ", but " + describe(tensor) + formatExtents(tensor.shape) +
                   ": " + why);
}

Status Binder::checkCount(const char *what, size_t expected,
                          size_t given) const {
  if (expected == given)
    return Success{};
  std::string names;
  for (const TensorProgram &tensor : entry_->tensors)
    if (tensor.output == (what[0] == 'o')) {
      if (!names.empty())
        names += ", ";
      names += tensor.plan->name;
    }
  return Error(
      ErrorCode::badInput,
      "entry '" + entry_->plan->name + "' has " + std::to_string(expected) +
          " " + what + (expected == 1 ? "" : "s") +
          (names.empty() ? "" : " (" + names + ")") + ", but " +
          std::to_string(given) + (given == 1 ? " was given" : " were given"));
}

/// Rank, element type, extents that are extents, and the right memory.
Status Binder::checkForm(const TensorProgram &tensor,
                         const TensorView &view) const {
  if (view.rank < 0 || view.rank > maxRank)
    return Error(ErrorCode::badInput,
                 kindOf(tensor) + " has rank " + std::to_string(view.rank) +
                     "; at most " + std::to_string(maxRank) + " is supported");
  if (static_cast<size_t>(view.rank) != tensor.shape.size())
    return mismatch(tensor, view,
                    "its rank is " + std::to_string(view.rank) + ", not " +
                        std::to_string(tensor.shape.size()));
  for (int i = 0; i < view.rank; ++i)
    if (view.shape[i] < 0)
      return mismatch(tensor, view, dimension(i) + " is negative");
  if (view.dtype != tensor.plan->dtype)
    return Error(ErrorCode::badInput,
                 kindOf(tensor) + " is " + std::string(name(view.dtype)) +
                     ", but " + describe(tensor) +
                     std::string(name(tensor.plan->dtype)));
  if (view.device != device_)
    return Error(
        ErrorCode::badInput,
        kindOf(tensor) + " is in " +
            (view.device == DeviceKind::host ? "host" : "CUDA") +
            " memory, but this session runs on " +
            (device_ == DeviceKind::host ? "the host" : "a CUDA device"));
  if (device_ == DeviceKind::cuda && view.deviceIndex != index_)
    return Error(
        ErrorCode::badInput,
        kindOf(tensor) +
            " is in memory of cuda:" + std::to_string(view.deviceIndex) +
            ", but this session runs on cuda:" + std::to_string(index_));
  std::array<int64_t, maxRank> strides;
  if (!isEmpty(view) && !contiguousStrides(view, strides))
    return mismatch(tensor, view, "that is more than 2^47 bytes");
  return Success{};
}

/// Binds every name that is an extent or stride of these tensors and was not
/// bound before. Tensors are numbered from `first`.
void Binder::bindNames(std::span<const TensorView> views, size_t first) {
  for (size_t t = 0; t < views.size(); ++t) {
    const TensorProgram &tensor = entry_->tensors[first + t];
    const TensorView &view = views[t];
    auto bind = [&](int name, int64_t value) {
      if (name >= 0 && source_[name] < 0) {
        values_[name] = value;
        source_[name] = static_cast<int>(first + t);
      }
    };
    if (!tensor.output)
      for (int i = 0; i < view.rank; ++i)
        if (size_t name = tensor.shape[i].name; name < entry_->dims)
          bind(static_cast<int>(name), view.shape[i]);
    if (!tensor.strides.empty() && !isEmpty(view))
      for (int i = 0; i < view.rank; ++i)
        if (strideMatters(view, i) && isSymbol(tensor.strides[i].name))
          bind(tensor.strides[i].name, view.strides[i]);
  }
}

/// Gives the stride names of a tensor that nothing bound their contiguous
/// values. A slice of one row, say q.s in ["S*q.s", "q.s"] with S = 1, shows
/// its stride only through the other dimension: where the contiguous value
/// contradicts that one, the view's own stride is taken.
void Binder::bindLeftovers(size_t index, const TensorView &view) {
  const TensorProgram &tensor = entry_->tensors[index];
  if (tensor.strides.empty())
    return;
  std::array<bool, maxRank> leftover = {};
  int64_t contiguous = 1;
  bool any = false;
  for (int i = view.rank - 1; i >= 0; --i) {
    int name = tensor.strides[i].name;
    if (isSymbol(name) && source_[name] < 0) {
      values_[name] = contiguous;
      source_[name] = static_cast<int>(index);
      any = leftover[i] = true;
    }
    // checkForm bounded the product of a tensor with elements; the strides of
    // one without are used by nobody.
    if (__builtin_mul_overflow(contiguous, std::max<int64_t>(view.shape[i], 1),
                               &contiguous))
      contiguous = 1;
  }
  if (!any || checkStrideValues(tensor, view))
    return;
  for (int i = 0; i < view.rank; ++i)
    if (leftover[i])
      values_[tensor.strides[i].name] = view.strides[i];
}

/// Whether every stride that matters has the value its plan gives it.
bool Binder::checkStrideValues(const TensorProgram &tensor,
                               const TensorView &view) const {
  for (int i = 0; i < view.rank; ++i) {
    if (!strideMatters(view, i) || isEmpty(view))
      continue;
    Result<int64_t> value = evaluate(tensor.strides[i]);
    if (!value || *value != view.strides[i])
      return false;
  }
  return true;
}

Result<int64_t> Binder::evaluate(const ExtentProgram &extent) const {
  if (!extent.symbolic())
    return extent.number;
  Result<int64_t> value = extent.expr->expr.evaluate(values_);
  if (!value)
    return std::move(value).error().in("'" + extent.expr->text + "'");
  return value;
}

Status Binder::checkDims() {
  for (size_t dim = 0; dim < entry_->dims; ++dim) {
    const auto &[name, range] = entry_->plan->dims[dim];
    if (values_[dim] >= range[0] && values_[dim] <= range[1])
      continue;
    std::string from;
    if (source_[dim] >= 0)
      from = " from '" + entry_->tensors[source_[dim]].plan->name + "'";
    return Error(ErrorCode::badInput,
                 name + " is " + std::to_string(values_[dim]) + from +
                     ", but entry '" + entry_->plan->name + "' takes " + name +
                     " from " + std::to_string(range[0]) + " to " +
                     std::to_string(range[1]));
  }
  return Success{};
}

Status Binder::checkShape(const TensorProgram &tensor,
                          const TensorView &view) const {
  for (int i = 0; i < view.rank; ++i) {
    const ExtentProgram &extent = tensor.shape[i];
    Result<int64_t> needed = evaluate(extent);
    if (!needed)
      return std::move(needed).error().in(kindOf(tensor) + ", " + dimension(i));
    if (*needed == view.shape[i])
      continue;
    std::string found = std::to_string(view.shape[i]);
    if (extent.name >= 0 && source_[extent.name] >= 0)
      return Error(ErrorCode::badInput,
                   extent.expr->text + " is " + std::to_string(*needed) +
                       " from '" +
                       entry_->tensors[source_[extent.name]].plan->name +
                       "' but " + found + " from '" + tensor.plan->name + "'");
    if (extent.symbolic())
      return mismatch(tensor, view,
                      dimension(i) + " is " + found + ", but " +
                          extent.expr->text + " is " + std::to_string(*needed));
    return mismatch(tensor, view,
                    dimension(i) + " is " + found + ", not " +
                        std::to_string(*needed));
  }
  return Success{};
}

Status Binder::checkStrides(const TensorProgram &tensor,
                            const TensorView &view) const {
  std::array<int64_t, maxRank> needed = {};
  if (isEmpty(view))
    return Success{};
  contiguousStrides(view, needed);
  for (int i = 0; i < view.rank; ++i) {
    if (!strideMatters(view, i))
      continue;
    if (tensor.strides.empty()) {
      if (view.strides[i] == needed[i])
        continue;
      size_t rank = static_cast<size_t>(view.rank);
      return Error(ErrorCode::badInput,
                   kindOf(tensor) + " is not contiguous: strides " +
                       formatExtents({view.strides.data(), rank}) +
                       ", needed " + formatExtents({needed.data(), rank}) +
                       "; copy it into a contiguous tensor first or compile "
                       "with symbolic strides");
    }
    const ExtentProgram &stride = tensor.strides[i];
    Result<int64_t> value = evaluate(stride);
    if (!value)
      return std::move(value).error().in(kindOf(tensor) + ", stride of " +
                                         dimension(i));
    if (*value != view.strides[i])
      return Error(ErrorCode::badInput,
                   kindOf(tensor) + " has stride " +
                       std::to_string(view.strides[i]) + " in " + dimension(i) +
                       ", but " + describe(tensor) + "strides " +
                       formatExtents(tensor.strides) + ": " +
                       std::to_string(*value) + " there");
    // The extents of a contiguous tensor are the compiler's business; a stride
    // that the caller chose must keep every row as aligned as the first.
    int64_t bytes = 0, width = byteWidth(view.dtype);
    if (stride.symbolic() &&
        (__builtin_mul_overflow(*value, width, &bytes) || bytes % tensor.align))
      return Error(ErrorCode::badInput,
                   kindOf(tensor) + " has stride " + std::to_string(*value) +
                       " in " + dimension(i) + ", which is no multiple of " +
                       std::to_string(tensor.align) + " bytes");
  }
  return Success{};
}

Status Binder::checkRequirements() const {
  for (size_t i = 0; i < entry_->requirements.size(); ++i) {
    const SizeExpr &that = entry_->requirements[i];
    Result<int64_t> holds = that.expr.evaluate(values_);
    if (!holds)
      return std::move(holds).error().in("requirement '" + that.text + "'");
    if (*holds)
      continue;
    std::string dims;
    for (size_t dim = 0; dim < entry_->dims; ++dim)
      dims += (dim ? ", " : "") + entry_->names[dim] + "=" +
              std::to_string(values_[dim]);
    return Error(ErrorCode::badInput,
                 "entry '" + entry_->plan->name +
                     "': " + entry_->plan->requirements[i].otherwise + " (" +
                     that.text + " does not hold with " + dims + ")");
  }
  return Success{};
}

/// That a tensor with elements has them somewhere, aligned.
Status Binder::checkMemory(size_t index, const TensorView &view) {
  const TensorProgram &tensor = entry_->tensors[index];
  memory_[index] = {};
  if (isEmpty(view))
    return Success{};
  if (!view.data)
    return Error(ErrorCode::badInput, kindOf(tensor) + " " +
                                          formatExtents(view.extents()) +
                                          " has no data (null pointer)");
  auto address = reinterpret_cast<uintptr_t>(view.data);
  if (address % static_cast<uintptr_t>(tensor.align))
    return Error(ErrorCode::badInput,
                 kindOf(tensor) + " is at address " + hex(address) +
                     ", which is no multiple of " +
                     std::to_string(tensor.align) + " bytes");
  int64_t first = 0, last = 0;
  if (!elementRange(view, first, last))
    return mismatch(tensor, view, "it reaches over more than 2^47 bytes");
  uintptr_t width = static_cast<uintptr_t>(byteWidth(view.dtype));
  Memory range = {address + static_cast<uintptr_t>(first) * width,
                  address + (static_cast<uintptr_t>(last) + 1) * width};
  if (range.begin > address || range.end < address)
    return mismatch(tensor, view, "it reaches out of memory");
  memory_[index] = range;
  return Success{};
}

/// That output `index` is written by nobody else and read by nobody. Ranges are
/// compared from first to last byte, so interleaved tensors count as sharing.
Status Binder::checkOverlap(size_t index, std::span<const TensorView> inputs,
                            const TensorView &view) const {
  const TensorProgram &output = entry_->tensors[index];
  const Memory &mine = memory_[index];
  if (mine.begin == mine.end)
    return Success{};
  if (overlapsItself(view))
    return Error(ErrorCode::badInput,
                 kindOf(output) +
                     " has several elements at one address: " + "strides " +
                     formatExtents({view.strides.data(), size_t(view.rank)}));
  for (size_t other = 0; other < index; ++other) {
    const TensorProgram &tensor = entry_->tensors[other];
    const Memory &theirs = memory_[other];
    if (mine.end <= theirs.begin || theirs.end <= mine.begin)
      continue;
    bool allowed = output.alias == static_cast<int>(other);
    // The plan gives both the same shape.
    bool sameStrides = true;
    for (int i = 0; allowed && i < view.rank; ++i)
      sameStrides &= !strideMatters(view, i) ||
                     inputs[other].strides[i] == view.strides[i];
    if (allowed && sameStrides && inputs[other].data == view.data)
      continue;
    return Error(ErrorCode::badInput,
                 kindOf(output) + " shares memory with " + kindOf(tensor) +
                     (allowed ? ": it may, but only from the same address on "
                                "and with the same strides"
                              : ": give it a buffer of its own"));
  }
  return Success{};
}

/// Binds the dims and checks every extent of the inputs.
Status Binder::bindShapes(std::span<const TensorView> inputs) {
  std::fill(source_.begin(), source_.end(), -1);
  if (Status s = checkCount("input", entry_->inputs, inputs.size()); !s)
    return s;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (Status s = checkForm(entry_->tensors[i], inputs[i]); !s)
      return s;
  bindNames(inputs, 0);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (Status s = checkShape(entry_->tensors[i], inputs[i]); !s)
      return s;
  return checkDims();
}

Status Binder::bindInputs(std::span<const TensorView> inputs) {
  if (Status s = bindShapes(inputs); !s)
    return s;
  for (size_t i = 0; i < inputs.size(); ++i)
    bindLeftovers(i, inputs[i]);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (Status s = checkStrides(entry_->tensors[i], inputs[i]); !s)
      return s;
  return checkRequirements();
}

Status Binder::bindCall(std::span<const TensorView> inputs,
                        std::span<const TensorView> outputs) {
  if (Status s = bindShapes(inputs); !s)
    return s;
  const std::vector<TensorProgram> &tensors = entry_->tensors;
  size_t first = entry_->inputs;
  if (Status s = checkCount("output", tensors.size() - first, outputs.size());
      !s)
    return s;
  auto view = [&](size_t i) -> const TensorView & {
    return i < first ? inputs[i] : outputs[i - first];
  };
  for (size_t i = first; i < tensors.size(); ++i) {
    if (Status s = checkForm(tensors[i], view(i)); !s)
      return s;
    if (Status s = checkShape(tensors[i], view(i)); !s)
      return s;
  }
  bindNames(outputs, first);
  for (size_t i = 0; i < tensors.size(); ++i)
    bindLeftovers(i, view(i));
  for (size_t i = 0; i < tensors.size(); ++i)
    if (Status s = checkStrides(tensors[i], view(i)); !s)
      return s;
  if (Status s = checkRequirements(); !s)
    return s;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (Status s = checkMemory(i, view(i)); !s)
      return s;
    if (i >= first)
      if (Status s = checkOverlap(i, inputs, view(i)); !s)
        return s;
  }
  return Success{};
}

/// The extents that the plan gives a tensor, with contiguous strides.
Result<TensorView> Binder::shapeOf(const TensorProgram &tensor) const {
  TensorView view;
  view.dtype = tensor.plan->dtype;
  view.device = device_;
  view.deviceIndex = index_;
  view.rank = static_cast<int>(tensor.shape.size());
  for (int i = 0; i < view.rank; ++i) {
    Result<int64_t> extent = evaluate(tensor.shape[i]);
    if (!extent)
      return std::move(extent).error().in(kindOf(tensor) + ", " + dimension(i));
    if (*extent < 0)
      return Error(ErrorCode::badInput, kindOf(tensor) + ", " + dimension(i) +
                                            ": " + tensor.shape[i].expr->text +
                                            " is " + std::to_string(*extent));
    view.shape[i] = *extent;
  }
  if (!contiguousStrides(view, view.strides) && !isEmpty(view))
    return Error(ErrorCode::badInput, kindOf(tensor) + " " +
                                          formatExtents(view.extents()) +
                                          " is more than 2^47 bytes");
  return view;
}

Status Binder::bindDims(std::span<const int64_t> dims) {
  if (dims.size() != entry_->dims)
    return Error(ErrorCode::badInput,
                 "entry '" + entry_->plan->name + "' has " +
                     std::to_string(entry_->dims) + " dims, but " +
                     std::to_string(dims.size()) + " were given");
  std::fill(source_.begin(), source_.end(), -1);
  std::copy(dims.begin(), dims.end(), values_.begin());
  if (Status s = checkDims(); !s)
    return s;
  for (size_t i = 0; i < entry_->tensors.size(); ++i) {
    Result<TensorView> view = shapeOf(entry_->tensors[i]);
    if (!view)
      return std::move(view).error();
    bindLeftovers(i, *view);
  }
  return checkRequirements();
}

Result<TensorView> Binder::outputView(size_t index, int64_t &elements) {
  size_t t = entry_->inputs + index;
  const TensorProgram &tensor = entry_->tensors[t];
  Result<TensorView> view = shapeOf(tensor);
  if (!view)
    return view;
  bindLeftovers(t, *view);
  for (int i = 0; i < view->rank && !tensor.strides.empty(); ++i)
    if (strideMatters(*view, i)) {
      Result<int64_t> stride = evaluate(tensor.strides[i]);
      if (!stride)
        return std::move(stride).error().in(kindOf(tensor) + ", stride of " +
                                            dimension(i));
      view->strides[i] = *stride;
    }
  elements = 0;
  int64_t first = 0, last = 0;
  if (isEmpty(*view))
    return view;
  if (!elementRange(*view, first, last) || first < 0)
    return Error(ErrorCode::badInput,
                 kindOf(tensor) +
                     " cannot be allocated with the strides of the inputs; "
                     "pass an output of your own");
  elements = last + 1;
  return view;
}

} // namespace headgate::runtime
