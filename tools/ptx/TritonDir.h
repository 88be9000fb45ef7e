// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels of a plan as a directory of files for Triton: what
// headgate-compile --emit=triton-dir and headgate-ptx triton write.

#ifndef HEADGATE_TOOLS_PTX_TRITONDIR_H
#define HEADGATE_TOOLS_PTX_TRITONDIR_H

#include "tools/Ptxas.h"
#include "tools/ptx/TritonKernel.h"

namespace headgate {

/// Writes NAME.{ptx,cubin,json,stub.ttir,h,c} and __grp__NAME.json of each
/// kernel, and headgate_triton.py, into `directory`, which is made if it is not
/// there; other files in it stay. A kernel without a cubin gets one from
/// `ptxas` unless that is null. Each file appears whole; nothing is written if
/// a kernel cannot be.
Status writeTritonDir(std::vector<TritonKernel> kernels,
                      const std::string &directory, const Ptxas *ptxas);

} // namespace headgate

#endif // HEADGATE_TOOLS_PTX_TRITONDIR_H
