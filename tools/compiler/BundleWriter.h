// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes a bundle so that a reader, or a killed writer, never sees half of one.

#ifndef HEADGATE_TOOLS_COMPILER_BUNDLEWRITER_H
#define HEADGATE_TOOLS_COMPILER_BUNDLEWRITER_H

#include "headgate/Plan.h"
#include "headgate/Result.h"

#include <string>

namespace headgate {

/// A bundle in the making: the directory PATH.tmp-PID beside its place.
class BundleWriter {
public:
  /// Refuses a `path` that exists and is no bundle. Removes what writers that
  /// died left there.
  static Result<BundleWriter> create(const std::string &path);
  BundleWriter(BundleWriter &&) noexcept;
  BundleWriter &operator=(BundleWriter &&) = delete;
  /// Removes the unfinished directory unless commit succeeded.
  ~BundleWriter();

  /// A file inside the unfinished bundle for the caller to write.
  std::string scratch(const std::string &name) const;
  /// Takes the scratch file `name` as a form of image `image`, of which `form`
  /// says all but the file: names it by its content and enters it into `plan`.
  Status add(Plan &plan, const std::string &image, PlanForm form,
             const std::string &name);
  /// Adds a copy of the source, source/`name`.
  Status addSource(const std::string &name, const std::string &text);
  /// Adds tuned.json.
  Status addTuning(const std::string &text);
  /// Writes plan.json and moves the bundle to its place; an older one there is
  /// moved away first and removed last.
  Status commit(const Plan &plan);

private:
  explicit BundleWriter(std::string path);
  std::string path, temporary;
};

} // namespace headgate

#endif // HEADGATE_TOOLS_COMPILER_BUNDLEWRITER_H
