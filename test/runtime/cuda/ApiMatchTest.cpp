// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Holds the table of driver functions against NVIDIA's header: compiled where
// cuda.h is, and right if it compiles.

#include "runtime/cuda/Api.h"

// Names before cuda.h makes macros of them.
namespace {
struct Entry {
  const char *name, *symbol;
};
#define HEADGATE_ENTRY(name, symbol, parameters, arguments) {#name, #symbol},
constexpr Entry entries[] = {HEADGATE_CUDA_API(HEADGATE_ENTRY)};
} // namespace

#include <cuda.h>

#include <string_view>
#include <type_traits>

namespace {

namespace hg = headgate::runtime::cuda;

template <typename A, typename B> constexpr bool isSame() {
  if (std::is_pointer_v<A> || std::is_pointer_v<B>)
    return std::is_pointer_v<A> == std::is_pointer_v<B>;
  return sizeof(A) == sizeof(B) &&
         (std::is_integral_v<A> || std::is_enum_v<A>)&&(std::is_integral_v<B> ||
                                                        std::is_enum_v<B>);
}

template <typename F, typename G> struct Signature {
  static constexpr bool matches = false;
};
template <typename... A, typename... B>
struct Signature<int(A...), CUresult(B...)> {
  static constexpr bool matches = [] {
    if constexpr (sizeof...(A) != sizeof...(B))
      return false;
    else
      return (isSame<A, B>() && ...);
  }();
};

#define HEADGATE_TEXT_OF(text) #text
#define HEADGATE_TEXT(text) HEADGATE_TEXT_OF(text)
/// The symbol of a name in cuda.h, where it is a macro; or the name.
constexpr std::string_view symbols[] = {
#define HEADGATE_SYMBOL(name, symbol, parameters, arguments)                   \
  HEADGATE_TEXT(name),
    HEADGATE_CUDA_API(HEADGATE_SYMBOL)};

constexpr bool symbolsMatch() {
  for (size_t i = 0; i < std::size(entries); ++i)
    // Younger in cuda.h 13 than the drivers that are good enough.
    if (entries[i].symbol != symbols[i] &&
        std::string_view(entries[i].name) != "cuEventElapsedTime")
      return false;
  return true;
}
static_assert(symbolsMatch());

} // namespace

namespace headgate::runtime::cuda {
#define HEADGATE_SIGNATURE(name, symbol, parameters, arguments)                \
  static_assert(Signature<CUresult parameters,                                 \
                          std::remove_pointer_t<decltype(&::name)>>::matches,  \
                #name);
HEADGATE_CUDA_API(HEADGATE_SIGNATURE)
} // namespace headgate::runtime::cuda

#define HEADGATE_SAME_PLACE(type, member)                                      \
  static_assert(offsetof(hg::type, member) == offsetof(::type, member))
static_assert(sizeof(hg::CUlaunchConfig) == sizeof(::CUlaunchConfig));
HEADGATE_SAME_PLACE(CUlaunchConfig, gridDimX);
HEADGATE_SAME_PLACE(CUlaunchConfig, gridDimZ);
HEADGATE_SAME_PLACE(CUlaunchConfig, blockDimX);
HEADGATE_SAME_PLACE(CUlaunchConfig, blockDimZ);
HEADGATE_SAME_PLACE(CUlaunchConfig, sharedMemBytes);
HEADGATE_SAME_PLACE(CUlaunchConfig, hStream);
HEADGATE_SAME_PLACE(CUlaunchConfig, attrs);
HEADGATE_SAME_PLACE(CUlaunchConfig, numAttrs);
static_assert(sizeof(hg::CUlaunchAttribute) == sizeof(::CUlaunchAttribute));
HEADGATE_SAME_PLACE(CUlaunchAttribute, id);
HEADGATE_SAME_PLACE(CUlaunchAttribute, value);
HEADGATE_SAME_PLACE(CUlaunchAttributeValue, clusterDim);
HEADGATE_SAME_PLACE(CUlaunchAttributeValue,
                    programmaticStreamSerializationAllowed);
static_assert(sizeof(hg::CUtensorMap) == sizeof(::CUtensorMap));
static_assert(alignof(hg::CUtensorMap) == alignof(::CUtensorMap));

#define HEADGATE_SAME_VALUE(name) static_assert(int(hg::name) == int(::name))
HEADGATE_SAME_VALUE(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
HEADGATE_SAME_VALUE(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
HEADGATE_SAME_VALUE(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
HEADGATE_SAME_VALUE(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
HEADGATE_SAME_VALUE(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
HEADGATE_SAME_VALUE(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
HEADGATE_SAME_VALUE(CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES);
HEADGATE_SAME_VALUE(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
HEADGATE_SAME_VALUE(CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION);
HEADGATE_SAME_VALUE(CU_JIT_ERROR_LOG_BUFFER);
HEADGATE_SAME_VALUE(CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
HEADGATE_SAME_VALUE(CU_STREAM_CAPTURE_STATUS_NONE);
HEADGATE_SAME_VALUE(CUDA_SUCCESS);
HEADGATE_SAME_VALUE(CUDA_ERROR_OUT_OF_MEMORY);
HEADGATE_SAME_VALUE(CUDA_ERROR_INVALID_IMAGE);
HEADGATE_SAME_VALUE(CUDA_ERROR_NO_BINARY_FOR_GPU);
HEADGATE_SAME_VALUE(CUDA_ERROR_ECC_UNCORRECTABLE);
HEADGATE_SAME_VALUE(CUDA_ERROR_INVALID_PTX);
HEADGATE_SAME_VALUE(CUDA_ERROR_NVLINK_UNCORRECTABLE);
HEADGATE_SAME_VALUE(CUDA_ERROR_JIT_COMPILER_NOT_FOUND);
HEADGATE_SAME_VALUE(CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
HEADGATE_SAME_VALUE(CUDA_ERROR_JIT_COMPILATION_DISABLED);
HEADGATE_SAME_VALUE(CUDA_ERROR_INVALID_SOURCE);
HEADGATE_SAME_VALUE(CUDA_ERROR_NOT_FOUND);
HEADGATE_SAME_VALUE(CUDA_ERROR_ILLEGAL_ADDRESS);
HEADGATE_SAME_VALUE(CUDA_ERROR_LAUNCH_TIMEOUT);
HEADGATE_SAME_VALUE(CUDA_ERROR_CONTEXT_IS_DESTROYED);
HEADGATE_SAME_VALUE(CUDA_ERROR_ASSERT);
HEADGATE_SAME_VALUE(CUDA_ERROR_HARDWARE_STACK_ERROR);
HEADGATE_SAME_VALUE(CUDA_ERROR_ILLEGAL_INSTRUCTION);
HEADGATE_SAME_VALUE(CUDA_ERROR_MISALIGNED_ADDRESS);
HEADGATE_SAME_VALUE(CUDA_ERROR_INVALID_ADDRESS_SPACE);
HEADGATE_SAME_VALUE(CUDA_ERROR_INVALID_PC);
HEADGATE_SAME_VALUE(CUDA_ERROR_LAUNCH_FAILED);
// Younger than the oldest header that is good enough.
#if CUDA_VERSION >= 13000
HEADGATE_SAME_VALUE(CUDA_ERROR_CONTAINED);
HEADGATE_SAME_VALUE(CUDA_ERROR_TENSOR_MEMORY_LEAK);
HEADGATE_SAME_VALUE(CUDA_ERROR_MPS_CLIENT_TERMINATED);
HEADGATE_SAME_VALUE(CUDA_ERROR_EXTERNAL_DEVICE);
#endif
