// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/GuardedDevice.h"

#include "lib/Random.h"

#include <cstring>
#include <utility>

namespace headgate {

namespace {

/// Of each guard: more than a row of all heads, so that a tile that begins a
/// row too late ends in it. A multiple of 256, which keeps that alignment.
constexpr int64_t guardBytes = 64 << 10;

using Guard = std::vector<uint8_t>;

/// Bytes that no other guard has at the same place: what a kernel copies from
/// behind its input is not what lies behind its output.
Guard drawGuard(uint64_t seed) {
  Random random(seed);
  Guard guard(guardBytes);
  for (int64_t i = 0; i < guardBytes; i += 8) {
    uint64_t word = random.next();
    std::memcpy(guard.data() + i, &word, sizeof(word));
  }
  return guard;
}

char *addBytes(void *data, int64_t bytes) {
  return static_cast<char *>(data) + bytes;
}

} // namespace

Result<Buffer> GuardedDevice::allocate(int64_t bytes) {
  if (bytes <= 0)
    return inner->allocate(bytes);
  Result<Buffer> whole = inner->allocate(bytes + 2 * guardBytes);
  if (!whole)
    return whole;
  char *data = addBytes(whole->data(), guardBytes);
  std::lock_guard lock(mutex);
  uint64_t seed = ++lastSeed;
  Guard guard = drawGuard(seed);
  for (void *to : {whole->data(), static_cast<void *>(data + bytes)})
    if (Status copied = inner->copy(to, guard.data(), guardBytes,
                                    CopyKind::hostToDevice, {});
        !copied)
      return std::move(copied).error();
  allocations[data] = {std::move(*whole), bytes, seed};
  return Buffer(shared_from_this(), data, bytes);
}

void GuardedDevice::free(void *data, int64_t) {
  std::lock_guard lock(mutex);
  allocations.erase(data);
}

Result<std::vector<Damage>> GuardedDevice::findDamage() {
  std::lock_guard lock(mutex);
  std::vector<Damage> damages;
  Guard found(guardBytes);
  for (const auto &[data, allocation] : allocations) {
    Guard guard = drawGuard(allocation.seed);
    for (bool isBefore : {true, false}) {
      const void *from = isBefore ? allocation.whole.data()
                                  : addBytes(allocation.whole.data(),
                                             guardBytes + allocation.bytes);
      if (Status copied = inner->copy(found.data(), from, guardBytes,
                                      CopyKind::deviceToHost, {});
          !copied)
        return std::move(copied).error();
      Damage damage{data};
      for (int64_t i = 0; i < guardBytes; ++i) {
        if (found[size_t(i)] == guard[size_t(i)])
          continue;
        if (isBefore || damage.count == 0)
          damage.offset = isBefore ? i - guardBytes : i;
        ++damage.count;
      }
      if (damage.count)
        damages.push_back(damage);
    }
  }
  return damages;
}

} // namespace headgate
