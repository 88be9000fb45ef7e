// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A case is a directory: case.json says which layer it is and how large, the
// files in.NAME.npy are its inputs and out.NAME.npy what they should give.
// README.md beside this file lists the keys.
//
// Four systems write their sizes in their own words; here all of them have the
// extents of the dialect: B S T R M k u D, U always-on heads, d model width.

#ifndef HEADGATE_TEST_REFERENCE_CASE_H
#define HEADGATE_TEST_REFERENCE_CASE_H

#include "headgate/Reference.h"
#include "headgate/Result.h"
#include "lib/Tolerance.h"

#include <map>
#include <optional>
#include <string>

namespace headgate::reference {

enum class System { gqe, mohDit, llamaMoeV2, switchhead };
/// What the output projection of a GQE layer reads: slots, their weighted sum
/// and the shared head; slots; slots times their probabilities.
enum class Variant { gqe, hardConcat, weightedConcat };

struct Case {
  System system = System::gqe;
  Variant variant = Variant::gqe; ///< of gqe
  bool layer = false; ///< from x and weights; else from q, k, v and logits

  int64_t B = 0, S = 0;
  int64_t past = 0; ///< keys in front of the new ones
  int64_t R = 1, M = 0, k = 0;
  int64_t u = 1;        ///< heads of an expert
  int64_t U = 0;        ///< always-on heads
  int64_t D = 0, d = 0; ///< head and model width
  int64_t rotated = 0;  ///< components that RoPE turns
  int64_t T() const { return past + S; }

  bool causal = false, mask = false, kvStart = false;
  std::optional<bool> bias;          ///< not said: where there is a b_o
  std::optional<int64_t> ropeOffset; ///< position of row 0; none: no RoPE
  std::optional<double> scale;       ///< of scores; none: 1 / sqrt(D)
  Norm norm = Norm::none;
  double eps = 1e-9;
  double weightScale = 1;
  bool balanceToOne = false; ///< how often experts are used sums to 1, not to k

  /// What case.json says about single tensors; it need not say anything.
  struct Listed {
    bool input = false; ///< else expected
    /// By profile: "f32", "bf16", "f64". Integers have none: they are equal.
    std::map<std::string, Tolerance> tolerance;
  };
  std::map<std::string, Listed> tensors;
  bool expects(const std::string &name) const;
  /// Is any tensor listed as expected?
  bool expectsAny() const;
};

/// The case that the text of a case.json describes.
Result<Case> parseCase(const std::string &text);

} // namespace headgate::reference

#endif // HEADGATE_TEST_REFERENCE_CASE_H
