// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A launch of a plan as a kernel that Triton users load: one launch, one PTX
// file, one entry. What of it Triton's files and C launchers say is written in
// FormatTriton.cpp and FormatCLauncher.cpp; docs/triton.md is for users.

#ifndef HEADGATE_TOOLS_PTX_TRITONKERNEL_H
#define HEADGATE_TOOLS_PTX_TRITONKERNEL_H

#include "headgate/Plan.h"
#include "headgate/Result.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace headgate {

/// The code of an image.
struct GpuCode {
  std::string ptx;
  std::string cubin; ///< "": there is none
};
using ReadGpuCode = std::function<Result<GpuCode>(const PlanImage &)>;

struct TritonArgument {
  std::string name;  ///< an identifier of C and Python, unique in its kernel
  std::string type;  ///< as Triton writes it: "*bf16", "i32", "i64", "fp32"
  int64_t align = 0; ///< of a pointer, in bytes; 0: any
  const PlanArgument *plan = nullptr;
};

/// Refers to the plan it is of.
struct TritonKernel {
  const PlanKernel *kernel = nullptr;
  const PlanVariant *variant = nullptr;
  const PlanLaunch *launch = nullptr;
  std::string target; ///< "sm_80"
  int arch = 0;       ///< 80
  GpuCode code;
  std::vector<TritonArgument> arguments;
  /// Why triton.compile cannot take it; "": it can.
  std::string notCompiled;

  const std::string &name() const { return launch->symbol; }
  int64_t warps() const { return launch->block / 32; }
};

/// All launches of `plan` on GPUs, in the order of the plan. An error if there
/// are none, if two have one name, or if one can in no way be loaded by Triton:
/// it takes tensor maps, clusters, parts of a warp, or its PTX is not what
/// checkTriton wants.
Result<std::vector<TritonKernel>> tritonKernels(const Plan &plan,
                                                const ReadGpuCode &read);

/// `name` as an identifier of C and Python that is none of their keywords, no
/// name of the C launcher, and not `taken`; takes it.
std::string takeIdentifier(const std::string &name,
                           std::set<std::string> &taken);

/// NAME.json: the metadata of Triton's cache, and in `headgate` what its
/// arguments are and how its grid and workspace are computed.
std::string formatMetadata(const TritonKernel &kernel);
/// NAME.stub.ttir: a kernel with these arguments and no body.
std::string formatStub(const TritonKernel &kernel);

/// What the C functions of a kernel are called: NAME_HASH_SUFFIX, where the
/// suffix says which arguments must be divisible by 16.
std::string launcherName(const TritonKernel &kernel);
/// NAME.h and NAME.c: launches the kernel with the CUDA driver; the comments in
/// the header are what triton.tools.link reads.
std::string formatHeader(const TritonKernel &kernel);
Result<std::string> formatSource(const TritonKernel &kernel);

} // namespace headgate

#endif // HEADGATE_TOOLS_PTX_TRITONKERNEL_H
