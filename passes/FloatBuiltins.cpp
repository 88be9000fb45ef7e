// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer arithmetic and one exact f32 addition, so that flush-to-zero modes of
// the calling thread change nothing. Source: F. Giesen, "Float->half
// variants" (half_to_float_fast4 and float_to_half_fast3_rtne). Covered by
// test/passes/meaning, which compares all 2^16 halves with lib/Float16.

#include "passes/FloatBuiltins.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/SourceMgr.h"

static constexpr const char *text = R"(
; The upper half, rounded: adding 0x7fff, and 1 more if the result would be odd,
; carries into it where it must go up.
define weak_odr hidden bfloat @__truncsfbf2(float %x) nounwind {
  %bits = bitcast float %x to i32
  %upper = lshr i32 %bits, 16
  %odd = and i32 %upper, 1
  %bias = add i32 %odd, 32767
  %sum = add i32 %bits, %bias
  %rounded = lshr i32 %sum, 16
  %quiet = or i32 %upper, 64
  %isNaN = fcmp uno float %x, 0.0
  %result = select i1 %isNaN, i32 %quiet, i32 %rounded
  %short = trunc i32 %result to i16
  %value = bitcast i16 %short to bfloat
  ret bfloat %value
}

; Exponent and mantissa move up by 13 bits, the exponent by 127 - 15. Infinity
; and NaN move by as much again. A subnormal gets the exponent of the smallest
; normal number, which is then subtracted.
define weak_odr hidden float @__extendhfsf2(half %x) nounwind {
  %short = bitcast half %x to i16
  %bits = zext i16 %short to i32
  %magnitude = and i32 %bits, 32767
  %moved = shl i32 %magnitude, 13
  %exponent = and i32 %moved, 260046848          ; 0x1f << 23
  %normal = add i32 %moved, 939524096            ; 112 << 23
  %infinite = add i32 %normal, 939524096
  %implicit = add i32 %normal, 8388608           ; 1 << 23
  %implicitFloat = bitcast i32 %implicit to float
  %subnormalFloat = fsub float %implicitFloat, 0x3F10000000000000 ; 2^-14
  %subnormal = bitcast float %subnormalFloat to i32
  %isInfinite = icmp eq i32 %exponent, 260046848
  %isSubnormal = icmp eq i32 %exponent, 0
  %large = select i1 %isInfinite, i32 %infinite, i32 %normal
  %any = select i1 %isSubnormal, i32 %subnormal, i32 %large
  %signBit = and i32 %bits, 32768
  %sign = shl i32 %signBit, 16
  %signed = or i32 %any, %sign
  %value = bitcast i32 %signed to float
  ret float %value
}

; Large numbers and NaN are constants. Below 2^-14, adding 0.5 lines the bits of
; a subnormal half up with the end of the mantissa, rounded by the addition.
; Else as for bfloat, with the exponent moved by 15 - 127.
define weak_odr hidden half @__truncsfhf2(float %x) nounwind {
  %bits = bitcast float %x to i32
  %magnitude = and i32 %bits, 2147483647
  %isNaN = icmp ugt i32 %magnitude, 2139095040   ; 255 << 23
  %isLarge = icmp uge i32 %magnitude, 1199570944 ; 143 << 23, 2^16
  %isSubnormal = icmp ult i32 %magnitude, 947912704 ; 113 << 23, 2^-14
  %large = select i1 %isNaN, i32 32256, i32 31744
  %magnitudeFloat = bitcast i32 %magnitude to float
  %aligned = fadd float %magnitudeFloat, 0.5
  %alignedBits = bitcast float %aligned to i32
  %subnormal = sub i32 %alignedBits, 1056964608  ; the bits of 0.5
  %upper = lshr i32 %magnitude, 13
  %odd = and i32 %upper, 1
  %rebased = sub i32 %magnitude, 939524096       ; 112 << 23
  %bias = add i32 %odd, 4095
  %sum = add i32 %rebased, %bias
  %normal = lshr i32 %sum, 13
  %small = select i1 %isSubnormal, i32 %subnormal, i32 %normal
  %any = select i1 %isLarge, i32 %large, i32 %small
  %upperBits = lshr i32 %bits, 16
  %sign = and i32 %upperBits, 32768
  %signed = or i32 %any, %sign
  %short = trunc i32 %signed to i16
  %value = bitcast i16 %short to half
  ret half %value
}
)";

void headgate::passes::defineFloatBuiltins(llvm::Module &module) {
  llvm::SMDiagnostic error;
  std::unique_ptr<llvm::Module> builtins =
      llvm::parseAssemblyString(text, error, module.getContext());
  if (!builtins)
    llvm::report_fatal_error(error.getMessage());
  builtins->setDataLayout(module.getDataLayout());
  builtins->setTargetTriple(module.getTargetTriple());
  llvm::Linker::linkModules(module, std::move(builtins));
}
