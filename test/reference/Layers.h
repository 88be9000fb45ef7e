// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole attention layers, wired from the operations of the reference: which
// operation follows which, in four published systems.

#ifndef HEADGATE_TEST_REFERENCE_LAYERS_H
#define HEADGATE_TEST_REFERENCE_LAYERS_H

#include "Case.h"
#include "Inputs.h"

#include <map>
#include <string>

namespace headgate::reference {

/// Everything that the layer computes, by the names of README.md.
struct Results {
  std::map<std::string, Tensor<double>> numbers;
  std::map<std::string, Tensor<int32_t>> integers;
};

/// `inputs` holds what inputsOf(c) lists, in these shapes.
Results runLayer(const Case &c, const Inputs &inputs);

} // namespace headgate::reference

#endif // HEADGATE_TEST_REFERENCE_LAYERS_H
