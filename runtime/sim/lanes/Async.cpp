// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cp.async (PTX ISA 9.7.9.25.3). From issue to the wait of the issuing thread
// the destination is in flight: the shadow holds a write that nobody has seen.

#include "runtime/sim/lanes/Access.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

namespace {

enum class Form { plain, sourceBytes, ignore };

template <Form form> void copyAsync(Warp &w, const Op &op, uint32_t mask) {
  Block &block = *w.block;
  auto bytes = static_cast<uint32_t>(op.imm);
  uint64_t destination[32];
  AsyncCopy &copy = issueCopy(w, op);
  readAddresses(w, op, 0, op.wideAddresses & 1, destination);
  readAddresses(w, op, 2, op.wideAddresses & 2, copy.source);
  if constexpr (form == Form::sourceBytes) {
    const auto *limit = lanesAt<const uint32_t>(w, op.at[4]);
    for (int i = 0; i < 32; ++i)
      copy.sourceBytes[i] = limit[i] < bytes ? limit[i] : bytes;
  } else if constexpr (form == Form::ignore) {
    uint32_t ignored = predicateAt(w, op.at[4]) ^ op.at[5];
    for (int i = 0; i < 32; ++i)
      copy.sourceBytes[i] = ignored >> i & 1 ? 0 : bytes;
  } else {
    for (int i = 0; i < 32; ++i)
      copy.sourceBytes[i] = bytes;
  }

  Extent extent = extentOf(mask, destination);
  if (extent.least < block.sharedBegin ||
      extent.most + bytes > block.sharedEnd || extent.most > UINT32_MAX ||
      (extent.bits & (bytes - 1))) [[unlikely]]
    mask = checkShared(w, op, mask, bytes, bytes, destination);
  // A source that is not read may be anywhere.
  uint32_t reading = mask & ballot([&](int i) HEADGATE_INLINE_LAMBDA {
                       return copy.sourceBytes[i] != 0;
                     });
  if (reading) {
    uint64_t source[32];
    for (int i = 0; i < 32; ++i)
      source[i] = copy.source[i];
    uint32_t partial = reading & ballot([&](int i) HEADGATE_INLINE_LAMBDA {
                         return copy.sourceBytes[i] != bytes;
                       });
    uint32_t allowed = 0;
    if (reading & ~partial)
      allowed =
          enterGlobal(w, op, reading & ~partial, bytes, Access::read, source);
    for (uint32_t rest = partial; rest; rest &= rest - 1) {
      uint32_t length = copy.sourceBytes[__builtin_ctz(rest)];
      uint32_t lane =
          checkGlobal(w, op, rest & -rest, length, bytes, Access::read, source);
      if (lane && block.checkGlobal)
        touchGlobal(w, op, lane, length, Access::read, source);
      allowed |= lane;
    }
    mask &= ~(reading & ~allowed);
  }
  if (!mask)
    return;
  for (int i = 0; i < 32; ++i) {
    copy.destination[i] = static_cast<uint32_t>(destination[i]);
    copy.group[i] = w.committed[i];
  }
  touchShared(w, op, mask, bytes, Access::write, destination, inFlightClock);
  copy.bytes = bytes;
  copy.pending = mask;
  copy.unmoved = mask;
  if (block.earlyCopies)
    moveCopy(w, copy, mask);
}

void commit(Warp &w, const Op &, uint32_t mask) { commitCopies(w, mask); }
void waitGroup(Warp &w, const Op &op, uint32_t mask) {
  waitForCopies(w, mask, op.imm);
}
void waitAll(Warp &w, const Op &, uint32_t mask) { waitForAllCopies(w, mask); }

using Kind = OperandSpec::Kind;
constexpr OperandSpec address = {Kind::address, 64},
                      immediate = {Kind::immediate},
                      policy = {Kind::policy, 64, 1, true};
#define COPY(how)                                                              \
  "cp.async." how "{.shared|.shared::cta}.global[.L2::cache_hint]"             \
  "[.L2::64B|.L2::128B|.L2::256B]"
#define FORMS(how)                                                             \
  {COPY(how),                                                                  \
   {address, address, immediate, {Kind::source, 32}, policy},                  \
   5,                                                                          \
   OpClass::async,                                                             \
   &copyAsync<Form::sourceBytes>},                                             \
      {COPY(how),                                                              \
       {address, address, immediate, {Kind::predicate, 1}, policy},            \
       5,                                                                      \
       OpClass::async,                                                         \
       &copyAsync<Form::ignore>},                                              \
  {                                                                            \
    COPY(how), {address, address, immediate, policy}, 4, OpClass::async,       \
        &copyAsync<Form::plain>                                                \
  }

constexpr OpRow rows[] = {
    FORMS("ca"),
    FORMS("cg"),
    {"cp.async.commit_group", {}, 0, OpClass::async, &commit},
    {"cp.async.wait_group", {immediate}, 1, OpClass::async, &waitGroup},
    {"cp.async.wait_all", {}, 0, OpClass::async, &waitAll},
};

} // namespace

RowSpan asyncRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
