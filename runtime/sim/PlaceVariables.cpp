// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/PlaceVariables.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

namespace headgate::runtime::sim {

namespace {

constexpr uint32_t sharedStart = 0x400; ///< GPUs keep the first 1 KB
constexpr uint32_t maxSharedBytes = 1 << 20, maxLocalBytes = 1 << 19;

class Placer {
public:
  Placer(const Kernel &kernel, const DecodeOptions &options)
      : kernel_(kernel), options_(options) {}

  void place(const Variable &variable);
  Result<Places> finish();

private:
  /// Puts `variable` behind `end` of its space, which has `limit` bytes.
  void append(const Variable &variable, uint64_t &end, uint32_t limit,
              const char *excess);

  const Kernel &kernel_;
  const DecodeOptions &options_;
  Places places_;
  uint64_t sharedEnd_ = sharedStart, localEnd_ = 0;
  uint32_t dynamicAlign_ = 16;
  std::vector<std::string> dynamic_;
  std::optional<Error> error_;
};

void Placer::append(const Variable &variable, uint64_t &end, uint32_t limit,
                    const char *excess) {
  if (error_)
    return;
  end = alignUp(end, variable.align);
  places_.variables[variable.name] = {variable.space, end};
  end += variable.bytes;
  if (end > limit)
    error_ = Error(ErrorCode::unsupported,
                   "line " + std::to_string(variable.line) + ": " +
                       (variable.space == Space::shared ? "shared" : "local") +
                       " variables of kernel '" + kernel_.name +
                       "' take more than " + excess);
}

void Placer::place(const Variable &variable) {
  if (variable.space == Space::local)
    return append(variable, localEnd_, maxLocalBytes, "512 KB for each thread");
  if (variable.space != Space::shared) {
    places_.variables[variable.name] = {variable.space,
                                        options_.addressOf(variable.name)};
  } else if (variable.dynamic) {
    dynamicAlign_ = std::max(dynamicAlign_, variable.align);
    dynamic_.push_back(variable.name);
  } else {
    append(variable, sharedEnd_, maxSharedBytes, "any GPU has");
  }
}

Result<Places> Placer::finish() {
  if (error_)
    return *error_;
  for (const Parameter &parameter : kernel_.parameters)
    places_.variables[parameter.name] = {Space::param, parameter.offset};
  uint32_t base = alignUp(sharedEnd_, options_.minimalSharedBase
                                          ? dynamicAlign_
                                          : std::max(dynamicAlign_, 1024u));
  // The least alignment that was promised, and no more.
  if (options_.minimalSharedBase && base / dynamicAlign_ % 2 == 0)
    base += dynamicAlign_;
  for (const std::string &variable : dynamic_)
    places_.variables[variable] = {Space::shared, base};
  places_.sharedBegin = sharedStart;
  places_.staticShared = static_cast<uint32_t>(sharedEnd_ - sharedStart);
  places_.usesDynamicShared = !dynamic_.empty();
  places_.dynamicShared = dynamic_.empty() ? alignUp(sharedEnd_, 16) : base;
  places_.localBytes = alignUp(localEnd_, 16);
  return std::move(places_);
}

std::set<std::string_view> namesIn(const Body &body) {
  std::set<std::string_view> names;
  for (const Instruction &instruction : body.instructions)
    for (const Operand &operand : instruction.operands) {
      names.insert(operand.name);
      for (const Operand &element : operand.elements)
        names.insert(element.name);
    }
  return names;
}

} // namespace

Result<Places> placeVariables(const Module &module, const Kernel &kernel,
                              const DecodeOptions &options) {
  Placer placer(kernel, options);
  std::set<std::string_view> named = namesIn(kernel.body);
  for (const Variable &variable : module.variables)
    if (named.count(variable.name))
      placer.place(variable);
  for (const Variable &variable : kernel.variables)
    placer.place(variable);
  return placer.finish();
}

} // namespace headgate::runtime::sim
