// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the reference computes on: numbers in row-major order without gaps, with
// their extents. A View borrows them and only reads, a Tensor owns them.
//
//   auto [B, S, R, M] = logits.extents<4>();
//   logits(b, s, r, m)     one element
//   logits.row(b, s, r)    a span of the M elements that share these indices
//   logits.as({B, S, R * M})   the same elements under other extents
//
// Indices and extents that do not fit are bugs of the caller and assert.

#ifndef HEADGATE_REFERENCETENSOR_H
#define HEADGATE_REFERENCETENSOR_H

#include "headgate/Tensor.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

namespace headgate::reference {

/// 1 for no extents.
inline int64_t product(std::span<const int64_t> extents) {
  int64_t result = 1;
  for (int64_t extent : extents)
    result *= extent;
  return result;
}

/// Where the elements start that share the leading indices `index`.
inline size_t placeOf(std::initializer_list<int64_t> index,
                      std::span<const int64_t> shape) {
  assert(index.size() <= shape.size() && "more indices than extents");
  int64_t place = 0;
  const int64_t *extent = shape.data();
  for (int64_t i : index) {
    assert(0 <= i && i < *extent && "index outside its extent");
    place = place * *extent++ + i;
  }
  return static_cast<size_t>(place * product(shape.subspan(index.size())));
}

/// Borrowed elements; what they are borrowed from must live on. One that was
/// made from nothing is "not given": an option that takes its default.
template <typename T> class View {
public:
  View() = default;
  View(std::span<const T> elements, std::span<const int64_t> shape)
      : given(true), rank_(shape.size()), elements_(elements) {
    assert(shape.size() <= maxRank && "too many extents");
    assert(static_cast<int64_t>(elements.size()) == product(shape) &&
           "as many elements as the extents make");
    std::copy(shape.begin(), shape.end(), shape_.begin());
  }

  explicit operator bool() const { return given; }

  size_t rank() const { return rank_; }
  std::span<const int64_t> shape() const { return {shape_.data(), rank_}; }
  std::span<const T> elements() const { return elements_; }
  /// All extents, for structured bindings.
  template <size_t rank> std::array<int64_t, rank> extents() const {
    assert(rank == rank_ && "as many extents as are asked for");
    std::array<int64_t, rank> result = {};
    std::copy_n(shape_.begin(), rank, result.begin());
    return result;
  }

  template <std::integral... I> const T &operator()(I... index) const {
    assert(sizeof...(I) == rank_ && "one index for each extent");
    return elements_[placeOf({static_cast<int64_t>(index)...}, shape())];
  }
  template <std::integral... I> std::span<const T> row(I... leading) const {
    return elements_.subspan(
        placeOf({static_cast<int64_t>(leading)...}, shape()),
        static_cast<size_t>(product(shape().subspan(sizeof...(I)))));
  }
  View as(std::initializer_list<int64_t> shape) const {
    return View(elements_, std::span(shape.begin(), shape.size()));
  }

private:
  bool given = false;
  size_t rank_ = 0;
  std::array<int64_t, maxRank> shape_ = {};
  std::span<const T> elements_;
};

using Numbers = View<double>;
using Integers = View<int32_t>;
using Flags = View<uint8_t>; ///< 0 is false, all else is true

template <typename T> struct Tensor {
  std::vector<int64_t> shape;
  std::vector<T> elements;

  Tensor() = default;
  Tensor(std::vector<int64_t> extents, T fill = T())
      : shape(std::move(extents)),
        elements(static_cast<size_t>(product(shape)), fill) {}

  operator View<T>() const { return View<T>(elements, shape); }
  View<T> as(std::initializer_list<int64_t> extents) const {
    return View<T>(*this).as(extents);
  }

  template <std::integral... I> T &operator()(I... index) {
    assert(sizeof...(I) == shape.size() && "one index for each extent");
    return elements[placeOf({static_cast<int64_t>(index)...}, shape)];
  }
  template <std::integral... I> const T &operator()(I... index) const {
    return const_cast<Tensor &>(*this)(index...);
  }
  template <std::integral... I> std::span<T> row(I... leading) {
    return std::span(elements).subspan(
        placeOf({static_cast<int64_t>(leading)...}, shape),
        static_cast<size_t>(
            product(std::span<const int64_t>(shape).subspan(sizeof...(I)))));
  }
};

} // namespace headgate::reference

#endif // HEADGATE_REFERENCETENSOR_H
