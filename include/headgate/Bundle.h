// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A bundle on disk: a directory with plan.json and the images it names. Bundles
// are code: checksums find damage, not malice.

#ifndef HEADGATE_BUNDLE_H
#define HEADGATE_BUNDLE_H

#include "headgate/Plan.h"
#include "headgate/Result.h"

#include <memory>
#include <string>

namespace headgate {

/// An opened bundle: an immutable value, cheap to copy.
class Bundle {
public:
  /// Reads and checks `path`/plan.json. Images are verified when first read.
  static Result<Bundle> open(const std::string &path);

  const Plan &plan() const { return *plan_; }
  const std::string &path() const { return path_; }

  /// The contents of an image file, with size and SHA-256 checked.
  Result<std::string> read(const PlanForm &form) const;
  /// The path of an image file; refuses one outside the bundle.
  Result<std::string> pathOf(const PlanForm &form) const;

private:
  std::string path_;
  std::shared_ptr<const Plan> plan_;
};

} // namespace headgate

#endif // HEADGATE_BUNDLE_H
