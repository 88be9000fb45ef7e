// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code in memory -> the files of a bundle's images.

#ifndef HEADGATE_TOOLS_COMPILER_MAKEIMAGES_H
#define HEADGATE_TOOLS_COMPILER_MAKEIMAGES_H

#include "passes/Export.h"
#include "tools/Ptxas.h"
#include "tools/compiler/BundleWriter.h"

#include <optional>

namespace headgate {

struct ImageTools {
  std::string linker; ///< empty: one of the machine's, see LinkImage.h
  std::optional<Ptxas> ptxas;
};

/// Links host images, writes PTX and, where ptxas is there, assembles it to a
/// cubin beside: each becomes a form of its image in `exported.plan`. Programs
/// run side by side.
Status makeImages(BundleWriter &writer, passes::Exported &exported,
                  const ImageTools &tools);

} // namespace headgate

#endif // HEADGATE_TOOLS_COMPILER_MAKEIMAGES_H
