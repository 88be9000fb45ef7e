// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions between 16-bit floats and f32 for CPUs that have no instruction
// for them.

#ifndef HEADGATE_PASSES_FLOATBUILTINS_H
#define HEADGATE_PASSES_FLOATBUILTINS_H

namespace llvm {
class Module;
} // namespace llvm

namespace headgate::passes {

/// Defines in `module` what LLVM's x86 code generator calls for conversions
/// that a CPU lacks: __truncsfbf2 (below AVX512-BF16), __truncsfhf2 and
/// __extendhfsf2 (below F16C). Hidden, kept though nothing calls them yet, and
/// weak, as each object of an image has them. To nearest, ties to even; a NaN stays a NaN, quiet.
///
/// Elsewhere they come from compiler-rt or libgcc; a host image links neither,
/// and libgcc 12 lacks the first.
void defineFloatBuiltins(llvm::Module &module);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_FLOATBUILTINS_H
