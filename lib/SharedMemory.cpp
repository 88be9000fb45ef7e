// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/SharedMemory.h"

#include <algorithm>

using namespace headgate;

namespace {

/// Bytes in which rows are exchanged: all banks once.
constexpr int64_t bankBytes = 128;
constexpr int64_t chunkBytes = 16;

int64_t alignTo(int64_t n, int64_t alignment) {
  return (n + alignment - 1) / alignment * alignment;
}

/// What is flipped in the byte `a` of a tile of such slabs.
int64_t flipOf(int64_t a, int64_t slabBytes) {
  return (a / bankBytes & (slabBytes / chunkBytes - 1)) * chunkBytes;
}

} // namespace

bool SharedTile::isLegal() const {
  return rows >= 8 && rows % 8 == 0 && cols > 0 &&
         cols * elementBytes % 32 == 0;
}

int64_t SharedTile::slabBytes() const {
  int64_t rowBytes = cols * elementBytes;
  return rowBytes % 128 == 0 ? 128 : rowBytes % 64 == 0 ? 64 : 32;
}

int64_t SharedTile::offset(int64_t row, int64_t col) const {
  int64_t slab = slabBytes(), byte = col * elementBytes;
  int64_t a = (byte / slab * rows + row) * slab + byte % slab;
  return a ^ flipOf(a, slab);
}

SharedTile::Step SharedTile::step(int64_t row, int64_t col) const {
  int64_t slab = slabBytes(), byte = col * elementBytes;
  return {byte % slab ^ flipOf(row * slab, slab),
          (byte / slab * rows + row) * slab};
}

SharedPlaces headgate::placeShared(const std::vector<SharedRequest> &requests) {
  SharedPlaces places;
  for (size_t i = 0; i < requests.size(); ++i) {
    const SharedRequest &request = requests[i];
    struct Taken {
      int64_t begin, end;
    };
    std::vector<Taken> taken;
    for (size_t j = 0; j < i; ++j)
      if (requests[j].end >= request.begin)
        taken.push_back(
            {places.offsets[j], places.offsets[j] + requests[j].bytes});
    std::ranges::sort(taken, {}, &Taken::begin);
    int64_t at = 0;
    for (const Taken &other : taken) {
      if (at + request.bytes <= other.begin)
        break;
      at = std::max(at, alignTo(other.end, request.alignment));
    }
    places.offsets.push_back(at);
    places.bytes = std::max(places.bytes, at + request.bytes);
  }
  return places;
}
