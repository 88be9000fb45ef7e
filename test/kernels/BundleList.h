// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels-test compiles on one machine to run on another: a folder of
// bundles, and in it bundles.txt, which says how the list of cases is made anew
// and which of them each bundle holds:
//
//   seed=1 full=0 targets=sm_80
//   c0-2.hgb 0 40

#ifndef HEADGATE_TEST_KERNELS_BUNDLELIST_H
#define HEADGATE_TEST_KERNELS_BUNDLELIST_H

#include "headgate/Result.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace headgate::kernels {

struct BundleList {
  std::vector<std::string> targets;
  bool full = false;
  uint64_t seed = 1;
  struct Batch {
    std::string bundle; ///< a name in the folder
    std::vector<size_t> cases;
  };
  std::vector<Batch> batches;
};

Status writeBundleList(const std::filesystem::path &folder,
                       const BundleList &list);
Result<BundleList> readBundleList(const std::filesystem::path &folder);

} // namespace headgate::kernels

#endif // HEADGATE_TEST_KERNELS_BUNDLELIST_H
