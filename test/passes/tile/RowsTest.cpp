// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of token-local ops, written on tiles, against lib/Reference.

#include "test/passes/tile/RowsKernel.h"

using namespace headgate;
using namespace headgate::test;

namespace {

class Rows : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Levels, Rows, testing::ValuesIn(levels()),
                         [](const auto &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             c = isalnum(c) ? c : '_';
                           return name;
                         });

//===-- rope, gather -----------------------------------------------------===//

struct RopeCase {
  std::string element;
  int64_t R, M, k, u, D, half, rows, S;
  bool gathered;
  int positions; ///< extents that they have behind B and S; -1: none
};

void runRope(const RopeCase &c, const std::string &level) {
  int64_t B = 2, P = 40;
  std::string what =
      c.element + " D " + text(c.D) + " n " + text(c.half) + " " + level;
  std::vector<std::string> dims = {"B", "S", text(c.R), text(c.M)},
                           chosenDims = {"B", "S", text(c.R), text(c.k)};
  std::vector<int64_t> shape = {B, c.S, c.R, c.M},
                       chosenShape = {B, c.S, c.R, c.k};
  if (c.u) {
    for (auto *d : {&dims, &chosenDims})
      d->push_back(text(c.u));
    for (auto *s : {&shape, &chosenShape})
      s->push_back(c.u);
  }
  for (auto *d : {&dims, &chosenDims})
    d->push_back(text(c.D));
  for (auto *s : {&shape, &chosenShape})
    s->push_back(c.D);
  auto &resultDims = c.gathered ? chosenDims : dims;
  auto &resultShape = c.gathered ? chosenShape : shape;

  Argument x{"x", c.element, dims},
      e{"e", "i32", {"B", "S", text(c.R), text(c.k)}},
      cos{"cos", "f32", {"P", text(c.half)}},
      sin{"sin", "f32", {"P", text(c.half)}}, p{"p", "i32", {}},
      y{"y", c.element, resultDims};
  p.dims.assign(resultDims.begin(),
                resultDims.begin() + 2 + std::max(c.positions, 0));
  std::string body, source = "%x", sourceType = x.shape();
  if (c.gathered) {
    body = "%g = routed.gather %x[%e] : tensor<" + x.shape() + ">, tensor<" +
           e.shape() + ">\n  ";
    source = "%g";
    sourceType = y.shape();
  }
  body +=
      "%y = routed.rope " + source + ", %cos, %sin" +
      (c.positions < 0 ? "" : " positions(%p : tensor<" + p.shape() + ">)") +
      " : tensor<" + sourceType + ">, tensor<" + cos.shape() + ">";
  std::vector<Argument> inputs = {x, cos, sin};
  if (c.gathered)
    inputs.push_back(e);
  if (c.positions >= 0)
    inputs.push_back(p);

  Numbers X(c.element, shape), C("f32", {P, c.half}), N("f32", {P, c.half}),
      Y(c.element, resultShape);
  X.random(3, 4);
  for (int64_t i = 0; i < C.size(); ++i) {
    C.set(i, std::cos(0.37 * double(i)));
    N.set(i, std::sin(0.37 * double(i)));
  }
  Numbers E = someExperts({B, c.S, c.R, c.k}, c.M, 7);
  std::vector<int64_t> positionShape(
      resultShape.begin(), resultShape.begin() + 2 + std::max(c.positions, 0));
  Numbers Q = someExperts(positionShape, P, 9);
  std::vector<Buffer> buffers = {X.buffer(), C.buffer(), N.buffer()};
  if (c.gathered)
    buffers.push_back(E.buffer());
  if (c.positions >= 0)
    buffers.push_back(Q.buffer());
  Y.fill(77);
  buffers.push_back(Y.buffer());
  TileProgram(kernel(inputs, {y}, c.rows, body), level).run(buffers);

  reference::Tensor<double> source64 = doubles(X);
  auto experts = integers<int32_t>(E), positions = integers<int32_t>(Q);
  if (c.gathered)
    source64 = reference::gather(source64, experts);
  auto expected = reference::rope(
      source64, doubles(C), doubles(N),
      c.positions < 0 ? reference::Integers() : reference::Integers(positions));
  expectNear(Y, expected, what);
}

TEST_P(Rows, ropeOfHeadsAndOfGatheredExperts) {
  std::vector<RopeCase> cases = {
      {"f32", 2, 4, 2, 0, 16, 8, 7, 23, false, -1},
      {"bf16", 2, 4, 2, 0, 64, 32, 16, 37, true, -1},
      {"f16", 1, 3, 2, 2, 24, 12, 5, 12, true, 0},
      {"f32", 3, 2, 1, 0, 20, 5, 4, 9, true, 2},
      {"bf16", 1, 2, 2, 3, 72, 36, 8, 17, false, 3},
      {"f32", 1, 8, 8, 0, 256, 128, 3, 10, true, 0},
      {"bf16", 2, 2, 1, 0, 100, 50, 12, 31, false, 0},
      {"f16", 1, 5, 3, 0, 112, 28, 6, 13, true, -1},
      {"f32", 1, 2, 1, 0, 76, 38, 2, 5, true, 1},
  };
  for (const RopeCase &c : cases)
    runRope(c, GetParam());
}

/// Trailing extents of a source of experts: none, [D], [u, D].
TEST_P(Rows, gatherOfElementsRowsAndHeads) {
  for (std::vector<int64_t> trailing :
       {std::vector<int64_t>{}, {24}, {3, 8}, {300}}) {
    int64_t B = 2, S = 21, R = 3, M = 5, k = 2;
    std::vector<std::string> dims = {"B", "S", text(R), text(M)},
                             slots = {"B", "S", text(R), text(k)};
    Argument e{"e", "i32", slots};
    std::vector<int64_t> shape = {B, S, R, M}, chosen = {B, S, R, k};
    for (int64_t extent : trailing) {
      dims.push_back(text(extent));
      slots.push_back(text(extent));
      shape.push_back(extent);
      chosen.push_back(extent);
    }
    Argument x{"x", "bf16", dims}, y{"y", "bf16", slots};
    Numbers X("bf16", shape), Y("bf16", chosen),
        E = someExperts({B, S, R, k}, M, 3);
    X.random(5, 4);
    Y.fill(77);
    TileProgram(kernel({x, e}, {y}, 8,
                       "%y = routed.gather %x[%e] : tensor<" + x.shape() +
                           ">, tensor<" + e.shape() + ">"),
                GetParam())
        .run({X.buffer(), E.buffer(), Y.buffer()});
    auto expected = reference::gather(doubles(X), integers<int32_t>(E));
    for (int64_t i = 0; i < Y.size(); ++i)
      ASSERT_EQ(Y.at(i), expected.elements[i]) << trailing.size() << " " << i;
  }
}

/// The source of a gather is computed on the way: a hole is 0, not 0 + 1.
TEST_P(Rows, gatherOfWhatIsComputed) {
  int64_t B = 1, S = 9;
  Numbers X("f32", {B, S, 1, 3, 12}), E = someExperts({B, S, 1, 2}, 3, 4),
                                      Y("f32", {B, S, 1, 2, 12});
  X.random(5);
  std::string body =
      "%one = arith.constant dense<1.0> : tensor<3x12xf32>\n"
      "  %i0 = arith.constant 0 : index\n  %i1 = arith.constant 1 : index\n"
      "  %b = memref.dim %x_buffer, %i0 : memref<?x?x1x3x12xf32>\n"
      "  %s = memref.dim %x_buffer, %i1 : memref<?x?x1x3x12xf32>\n"
      "  %empty = tensor.empty(%b, %s) : tensor<?x?x1x3x12xf32>\n"
      "  %ones = linalg.broadcast ins(%one : tensor<3x12xf32>) outs(%empty : "
      "tensor<?x?x1x3x12xf32>) dimensions = [0, 1, 2]\n"
      "  %more = arith.addf %x, %ones : tensor<?x?x1x3x12xf32>\n"
      "  %y = routed.gather %more[%e] : tensor<?x?x1x3x12xf32>, "
      "tensor<?x?x1x2xi32>";
  TileProgram(kernel({{"x", "f32", {"B", "S", "1", "3", "12"}},
                      {"e", "i32", {"B", "S", "1", "2"}}},
                     {{"y", "f32", {"B", "S", "1", "2", "12"}}}, 4, body),
              GetParam())
      .run({X.buffer(), E.buffer(), Y.buffer()});
  for (int64_t slot = 0; slot < B * S * 2; ++slot)
    for (int64_t d = 0; d < 12; ++d) {
      int64_t expert = int64_t(E.at(slot));
      double expected =
          expert < 0 ? 0 : float(X.at((slot / 2 * 3 + expert) * 12 + d)) + 1.0f;
      ASSERT_EQ(Y.at(slot * 12 + d), expected);
    }
}

//===-- mean_heads, combine ----------------------------------------------===//

TEST_P(Rows, meanOfHeads) {
  struct Case {
    std::string element;
    int64_t H, D, rows, S;
  };
  for (const Case &c : {Case{"f32", 2, 16, 7, 23}, Case{"bf16", 8, 64, 16, 33},
                        Case{"f16", 3, 24, 5, 11}, Case{"bf16", 1, 100, 4, 9},
                        Case{"f32", 6, 256, 2, 7}}) {
    Argument x{"x", c.element, {"B", "S", text(c.H), text(c.D)}},
        y{"y", c.element, {"B", "S", "1", text(c.D)}};
    Numbers X(c.element, {2, c.S, c.H, c.D}), Y(c.element, {2, c.S, 1, c.D});
    X.random(5, 3);
    TileProgram(kernel({x}, {y}, c.rows,
                       "%y = routed.mean_heads %x : tensor<" + x.shape() + ">"),
                GetParam())
        .run({X.buffer(), Y.buffer()});
    expectNear(Y, reference::meanHeads(doubles(X)), c.element + text(c.H));
  }
}

struct CombineCase {
  reference::Combine kind;
  std::string element;
  std::vector<int64_t> heads; ///< R, k and maybe u
  int64_t D;
  int weights; ///< how many head extents they have; 0: none
  int64_t M = 0;
};

TEST_P(Rows, combineOfEveryKind) {
  using enum reference::Combine;
  std::vector<CombineCase> cases = {
      {sum, "f32", {2, 2}, 16, 2},
      {sum, "bf16", {4, 1}, 64, 2},
      {sum, "f16", {3, 2, 2}, 24, 2},
      {sum, "bf16", {1, 2, 3}, 40, 3},
      {sum, "f32", {2, 3}, 20, 1},
      {concat, "f32", {2, 2}, 24, 2},
      {concat, "bf16", {2, 1, 3}, 16, 1},
      {scatter, "f32", {2, 3}, 16, 2, 5},
      {scatter, "bf16", {1, 2, 2}, 24, 2, 4},
      {scatter, "f16", {1, 2}, 72, 0, 3},
  };
  for (const CombineCase &c : cases) {
    int64_t B = 2, S = 19, rows = 6;
    std::vector<std::string> dims = {"B", "S"};
    std::vector<int64_t> shape = {B, S};
    for (int64_t extent : c.heads) {
      dims.push_back(text(extent));
      shape.push_back(extent);
    }
    Argument w{"w", "f32", {dims.begin(), dims.begin() + 2 + c.weights}},
        e{"e", "i32", {dims.begin(), dims.begin() + 4}};
    Numbers W("f32", {shape.begin(), shape.begin() + 2 + c.weights}),
        E = someExperts({shape.begin(), shape.begin() + 4}, c.M, 3);
    for (int64_t i = 1; i < E.size(); ++i) // each expert in one slot at most
      if (c.M && i % shape[3] && E.at(i) == E.at(i - 1))
        E.set(i, -1);
    dims.push_back(text(c.D));
    shape.push_back(c.D);
    Argument o{"o", c.element, dims};
    Numbers O(c.element, shape);
    O.random(7, 2);
    W.random(8);

    auto o64 = doubles(O), w64 = doubles(W);
    auto e32 = integers<int32_t>(E);
    reference::CombineOptions options;
    std::vector<Argument> inputs = {o};
    std::vector<Buffer> buffers = {O.buffer()};
    const char *kinds[] = {"concat", "sum", "scatter"};
    std::string op =
        std::string("%y = routed.combine ") + kinds[int(c.kind)] + " %o";
    if (c.M) {
      inputs.push_back(e);
      buffers.push_back(E.buffer());
      options.experts = e32;
      options.numExperts = c.M;
      op += " experts(%e of " + text(c.M) + " : tensor<" + e.shape() + ">)";
    }
    if (c.weights) {
      inputs.push_back(w);
      buffers.push_back(W.buffer());
      options.weights = w64;
      op += " weights(%w : tensor<" + w.shape() + ">)";
    }
    auto expected = reference::combine(c.kind, o64, options);
    Argument y{"y", c.element, {"B", "S", text(expected.shape[2])}};
    Numbers Y(c.element, expected.shape);
    Y.fill(77);
    buffers.push_back(Y.buffer());
    TileProgram(kernel(inputs, {y}, rows, op + " : tensor<" + o.shape() + ">"),
                GetParam())
        .run(buffers);
    expectNear(Y, expected, op + " " + GetParam());
  }
}

/// The renormalised slot of GQE: what is summed and the sum are windows of one
/// buffer.
TEST_P(Rows, sumBesideWhatItSums) {
  int64_t B = 2, S = 13;
  const char *program = R"mlir(
func.func private @k(%w_buffer: memref<?x?x2x2xf32> {headgate.dims = ["B", "S", 2, 2]},
                     %cat: memref<?x?x120xbf16> {headgate.dims = ["B", "S", 120], headgate.output})
    attributes {headgate.kernel = "rows", headgate.tokens = ["B", "S"], tile.schedule = #tile.schedule<rows = 4>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = memref.dim %w_buffer, %c0 : memref<?x?x2x2xf32>
  %s = memref.dim %w_buffer, %c1 : memref<?x?x2x2xf32>
  %slots = memref.subview %cat[0, 0, 0] [%b, %s, 80] [1, 1, 1] : memref<?x?x120xbf16> to memref<?x?x80xbf16, strided<[?, 120, 1]>>
  %heads = memref.expand_shape %slots [[0], [1], [2, 3, 4]] output_shape [%b, %s, 2, 2, 20]
      : memref<?x?x80xbf16, strided<[?, 120, 1]>> into memref<?x?x2x2x20xbf16, strided<[?, 120, 40, 20, 1]>>
  %o = bufferization.to_tensor %heads restrict : memref<?x?x2x2x20xbf16, strided<[?, 120, 40, 20, 1]>> to tensor<?x?x2x2x20xbf16>
  %w = bufferization.to_tensor %w_buffer restrict : memref<?x?x2x2xf32> to tensor<?x?x2x2xf32>
  %y = routed.combine sum %o weights(%w : tensor<?x?x2x2xf32>) : tensor<?x?x2x2x20xbf16>
  %window = memref.subview %cat[0, 0, 80] [%b, %s, 20] [1, 1, 1] : memref<?x?x120xbf16> to memref<?x?x20xbf16, strided<[?, 120, 1], offset: 80>>
  bufferization.materialize_in_destination %y in restrict writable %window : (tensor<?x?x20xbf16>, memref<?x?x20xbf16, strided<[?, 120, 1], offset: 80>>) -> ()
  return
})mlir";
  Numbers W("f32", {B, S, 2, 2}), Y("bf16", {B, S, 120});
  W.random(3);
  Y.random(4, 2);
  Numbers before = Y;
  TileProgram(program, GetParam()).run({W.buffer(), Y.buffer()});
  for (int64_t token = 0; token < B * S; ++token)
    for (int64_t d = 0; d < 120; ++d) {
      double expected = before.at(token * 120 + d);
      if (d >= 80 && d < 100) {
        expected = 0;
        for (int64_t j = 0; j < 4; ++j)
          expected +=
              W.at(token * 4 + j) * before.at(token * 120 + j * 20 + d - 80);
        EXPECT_NEAR(Y.at(token * 120 + d), expected,
                    1e-6 + 0x1p-8 * std::abs(expected));
      } else {
        ASSERT_EQ(Y.at(token * 120 + d), expected) << d;
      }
    }
}

//===-- elementwise ------------------------------------------------------===//

/// x / (1 + exp(-x)) + bias, rows wider than a block, 16-bit arithmetic.
TEST_P(Rows, elementwiseOnWideRows) {
  int64_t B = 2, S = 7, D = 300;
  std::string t = "tensor<?x?x300xbf16>";
  std::string body = replaced(R"mlir(%i0 = arith.constant 0 : index
  %i1 = arith.constant 1 : index
  %b = memref.dim %x_buffer, %i0 : memref<?x?x300xbf16>
  %s = memref.dim %x_buffer, %i1 : memref<?x?x300xbf16>
  %empty = tensor.empty(%b, %s) : {t}
  %z = linalg.generic {indexing_maps = [affine_map<(b, s, d) -> (b, s, d)>, affine_map<(b, s, d) -> (d)>, affine_map<(b, s, d) -> (b, s, d)>],
      iterator_types = ["parallel", "parallel", "parallel"]} ins(%x, %bias : {t}, tensor<300xf32>) outs(%empty : {t}) {
  ^bb0(%in: bf16, %add: f32, %out: bf16):
    %one = arith.constant 1.0 : f32
    %wide = arith.extf %in : bf16 to f32
    %n = arith.negf %wide : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %q = arith.divf %wide, %d : f32
    %r = arith.addf %q, %add : f32
    %t = arith.truncf %r : f32 to bf16
    linalg.yield %t : bf16
  } -> {t}
  %y = arith.addf %z, %x : {t})mlir",
                              {{"t", t}});
  Numbers X("bf16", {B, S, D}), A("f32", {D}), Y("bf16", {B, S, D});
  X.random(3, 5);
  A.random(4);
  TileProgram(
      kernel({{"x", "bf16", {"B", "S", "300"}}, {"bias", "f32", {"300"}}},
             {{"y", "bf16", {"B", "S", "300"}}}, 3, body),
      GetParam())
      .run({X.buffer(), A.buffer(), Y.buffer()});
  reference::Tensor<double> expected({B, S, D});
  for (int64_t i = 0; i < X.size(); ++i) {
    double x = X.at(i);
    Numbers rounded("bf16", {1});
    rounded.set(0, x / (1 + std::exp(-x)) + A.at(i % D));
    expected.elements[i] = rounded.at(0) + x;
  }
  expectNear(Y, expected, "silu");
}

/// Positions of new tokens, from an index and a number of each batch; a vector
/// of lengths.
TEST_P(Rows, integersOfBatchesAndTokens) {
  int64_t B = 3, S = 10;
  std::string body = R"mlir(%i0 = arith.constant 0 : index
  %i1 = arith.constant 1 : index
  %b = memref.dim %y_buffer, %i0 : memref<?x?xi32>
  %s = memref.dim %y_buffer, %i1 : memref<?x?xi32>
  %empty = tensor.empty(%b, %s) : tensor<?x?xi32>
  %y = linalg.generic {indexing_maps = [affine_map<(b, s) -> (b)>, affine_map<(b, s) -> (b, s)>],
      iterator_types = ["parallel", "parallel"]} ins(%past : tensor<?xi32>) outs(%empty : tensor<?x?xi32>) {
  ^bb0(%in: i32, %out: i32):
    %at = linalg.index 1 : index
    %n = arith.index_cast %at : index to i32
    %p = arith.addi %in, %n : i32
    linalg.yield %p : i32
  } -> tensor<?x?xi32>)mlir";
  Numbers past("i32", {B}), Y("i32", {B, S});
  for (int64_t b = 0; b < B; ++b)
    past.set(b, 100 * b + 7);
  TileProgram(
      kernel({{"past", "i32", {"B"}}}, {{"y", "i32", {"B", "S"}}}, 4, body),
      GetParam())
      .run({past.buffer(), Y.buffer()});
  for (int64_t b = 0; b < B; ++b)
    for (int64_t s = 0; s < S; ++s)
      EXPECT_EQ(Y.at({b, s}), 100 * b + 7 + s);

  Numbers lengths("i32", {B});
  std::string add = "%i0 = arith.constant 0 : index\n"
                    "  %n = memref.dim %past_buffer, %i0 : memref<?xi32>\n"
                    "  %two = arith.constant 2 : i32\n"
                    "  %all = tensor.splat %two[%n] : tensor<?xi32>\n"
                    "  %y = arith.addi %past, %all : tensor<?xi32>";
  TileProgram(kernel({{"past", "i32", {"B"}}}, {{"y", "i32", {"B"}}}, 2, add),
              GetParam())
      .run({past.buffer(), lengths.buffer()});
  for (int64_t b = 0; b < B; ++b)
    EXPECT_EQ(lengths.at(b), 100 * b + 9);
}

//===-- append -----------------------------------------------------------===//

/// New rows anywhere in a cache, before it, behind it; into the cache itself
/// and into another buffer.
TEST_P(Rows, appendInPlaceAndNot) {
  struct Case {
    std::string element;
    int64_t S, P;
    std::vector<std::string> width;
    int64_t rows;
  };
  for (const Case &c :
       {Case{"f32", 3, 45, {"2", "8"}, 4}, Case{"bf16", 1, 1200, {"4", "6"}, 8},
        Case{"f16", 17, 40, {"300"}, 8}, Case{"i32", 5, 21, {"1", "3"}, 2}}) {
    std::vector<int64_t> starts = {0, 7, c.P - 2, c.P + 5, -2, c.P - c.S};
    int64_t B = int64_t(starts.size()), width = 1;
    Argument rows{"rows", c.element, {"B", "S"}},
        cache{"cache", c.element, {"B", "P"}}, at{"at", "i32", {"B"}};
    for (const std::string &extent : c.width) {
      rows.dims.push_back(extent);
      cache.dims.push_back(extent);
      width *= std::stoll(extent);
    }
    Argument y{"y", c.element, cache.dims};
    std::string program = kernel({rows, cache, at}, {y}, c.rows,
                                 "%y = routed.append %rows into %cache at %at "
                                 ": tensor<" +
                                     rows.shape() + ">, tensor<" +
                                     cache.shape() + ">, tensor<?xi32>");
    const std::string rowsKind = R"("rows", headgate.tokens = ["B", "S"])",
                      appendKind = R"("append", headgate.tokens = ["B", "P"])";
    program.replace(program.find(rowsKind), rowsKind.size(), appendKind);
    TileProgram compiled(program, GetParam());
    for (bool isInPlace : {false, true}) {
      Numbers X(c.element, {B, c.S, width}), K(c.element, {B, c.P, width}),
          At("i32", {B}), Y(c.element, {B, c.P, width});
      X.random(3, 100);
      K.random(4, 100);
      Y.fill(77);
      for (int64_t b = 0; b < B; ++b)
        At.set(b, double(starts[b]));
      Numbers before = K;
      auto shaped = [&](Numbers &numbers, const Argument &argument) {
        Buffer buffer = numbers.buffer();
        buffer.extents.resize(2);
        for (size_t d = 2; d < argument.dims.size(); ++d)
          buffer.extents.push_back(std::stoll(argument.dims[d]));
        return buffer;
      };
      compiled.run({shaped(X, rows), shaped(K, cache), At.buffer(),
                    shaped(isInPlace ? K : Y, y)});
      const Numbers &found = isInPlace ? K : Y;
      for (int64_t i = 0; i < found.size(); ++i) {
        int64_t b = i / width / c.P, s = i / width % c.P - starts[b];
        double expected = 0 <= s && s < c.S
                              ? X.at((b * c.S + s) * width + i % width)
                              : before.at(i);
        ASSERT_EQ(found.at(i), expected)
            << c.element << " " << i << " in place: " << isInPlace;
      }
    }
  }
}

} // namespace
