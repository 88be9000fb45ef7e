// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All ops, in the order in which a layer uses them.

#ifndef HEADGATE_ROUTED_OPS_TD
#define HEADGATE_ROUTED_OPS_TD

include "dialect/routed/RoutedSelection.td"
include "dialect/routed/RoutedRows.td"
include "dialect/routed/RoutedAttend.td"

#endif // HEADGATE_ROUTED_OPS_TD
