// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of the CUDA driver that are looked up in libcuda, and the types
// they take, in the driver's words. No CUDA header is needed to build; where
// cuda.h is found, test/runtime/cuda/ApiMatchTest.cpp holds this table against
// it: names, parameters, sizes and offsets.
//
// Functions are looked up by the versioned names that the driver exports
// ("cuMemAlloc_v2"), which is its stable ABI. cuEventElapsedTime stays without
// a suffix: its second version is younger than drivers that are good enough.
// Graphs and tensor maps are looked up but not called yet, so that a driver
// that is good enough today still is when they are.

#ifndef HEADGATE_RUNTIME_CUDA_API_H
#define HEADGATE_RUNTIME_CUDA_API_H

#include <cstddef>
#include <cstdint>

namespace headgate::runtime::cuda {

using CUresult = int;
using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st *;
using CUmodule = struct CUmod_st *;
using CUfunction = struct CUfunc_st *;
using CUstream = struct CUstream_st *;
using CUevent = struct CUevent_st *;
using CUgraph = struct CUgraph_st *;
using CUgraphExec = struct CUgraphExec_st *;

struct alignas(128) CUtensorMap {
  uint64_t opaque[16];
};
union CUlaunchAttributeValue {
  char pad[64];
  struct {
    unsigned x, y, z;
  } clusterDim;
  int programmaticStreamSerializationAllowed;
};
struct CUlaunchAttribute {
  int id;
  char pad[4];
  CUlaunchAttributeValue value;
};
struct CUlaunchConfig {
  unsigned gridDimX, gridDimY, gridDimZ;
  unsigned blockDimX, blockDimY, blockDimZ;
  unsigned sharedMemBytes;
  CUstream hStream;
  CUlaunchAttribute *attrs;
  unsigned numAttrs;
};

// What is asked of devices and functions, and told to them.
enum CUdevice_attribute : int {
  CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
  CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE = 38,
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76,
  CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97,
};
enum CUfunction_attribute : int {
  CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK = 0,
  CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES = 1,
  CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
};
enum CUlaunchAttributeID : int {
  CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION = 6,
};
enum CUjit_option : int {
  CU_JIT_ERROR_LOG_BUFFER = 5,
  CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6,
};
enum CUstreamCaptureStatus : int { CU_STREAM_CAPTURE_STATUS_NONE = 0 };

/// The codes that are acted on. All others are told as the driver names them.
enum : CUresult {
  CUDA_SUCCESS = 0,
  CUDA_ERROR_OUT_OF_MEMORY = 2,
  CUDA_ERROR_INVALID_IMAGE = 200,
  CUDA_ERROR_NO_BINARY_FOR_GPU = 209,
  CUDA_ERROR_ECC_UNCORRECTABLE = 214,
  CUDA_ERROR_INVALID_PTX = 218,
  CUDA_ERROR_NVLINK_UNCORRECTABLE = 220,
  CUDA_ERROR_JIT_COMPILER_NOT_FOUND = 221,
  CUDA_ERROR_UNSUPPORTED_PTX_VERSION = 222,
  CUDA_ERROR_JIT_COMPILATION_DISABLED = 223,
  CUDA_ERROR_CONTAINED = 226,
  CUDA_ERROR_INVALID_SOURCE = 300,
  CUDA_ERROR_NOT_FOUND = 500,
  CUDA_ERROR_ILLEGAL_ADDRESS = 700,
  CUDA_ERROR_LAUNCH_TIMEOUT = 702,
  CUDA_ERROR_CONTEXT_IS_DESTROYED = 709,
  CUDA_ERROR_ASSERT = 710,
  CUDA_ERROR_HARDWARE_STACK_ERROR = 714,
  CUDA_ERROR_ILLEGAL_INSTRUCTION = 715,
  CUDA_ERROR_MISALIGNED_ADDRESS = 716,
  CUDA_ERROR_INVALID_ADDRESS_SPACE = 717,
  CUDA_ERROR_INVALID_PC = 718,
  CUDA_ERROR_LAUNCH_FAILED = 719,
  CUDA_ERROR_TENSOR_MEMORY_LEAK = 721,
  CUDA_ERROR_MPS_CLIENT_TERMINATED = 810,
  CUDA_ERROR_EXTERNAL_DEVICE = 911,
};

} // namespace headgate::runtime::cuda

/// X(name, exported symbol, parameters, their names)
#define HEADGATE_CUDA_API(X)                                                   \
  X(cuInit, cuInit, (unsigned flags), (flags))                                 \
  X(cuDriverGetVersion, cuDriverGetVersion, (int *version), (version))         \
  X(cuGetErrorName, cuGetErrorName, (CUresult code, const char **text),        \
    (code, text))                                                              \
  X(cuGetErrorString, cuGetErrorString, (CUresult code, const char **text),    \
    (code, text))                                                              \
  X(cuDeviceGetCount, cuDeviceGetCount, (int *count), (count))                 \
  X(cuDeviceGet, cuDeviceGet, (CUdevice * device, int ordinal),                \
    (device, ordinal))                                                         \
  X(cuDeviceGetName, cuDeviceGetName,                                          \
    (char *name, int length, CUdevice device), (name, length, device))         \
  X(cuDeviceGetAttribute, cuDeviceGetAttribute,                                \
    (int *value, CUdevice_attribute attribute, CUdevice device),               \
    (value, attribute, device))                                                \
  X(cuDeviceTotalMem, cuDeviceTotalMem_v2, (size_t * bytes, CUdevice device),  \
    (bytes, device))                                                           \
  X(cuDevicePrimaryCtxRetain, cuDevicePrimaryCtxRetain,                        \
    (CUcontext * context, CUdevice device), (context, device))                 \
  X(cuDevicePrimaryCtxRelease, cuDevicePrimaryCtxRelease_v2,                   \
    (CUdevice device), (device))                                               \
  X(cuCtxPushCurrent, cuCtxPushCurrent_v2, (CUcontext context), (context))     \
  X(cuCtxPopCurrent, cuCtxPopCurrent_v2, (CUcontext * context), (context))     \
  X(cuMemAlloc, cuMemAlloc_v2, (CUdeviceptr * address, size_t bytes),          \
    (address, bytes))                                                          \
  X(cuMemFree, cuMemFree_v2, (CUdeviceptr address), (address))                 \
  X(cuMemcpyHtoDAsync, cuMemcpyHtoDAsync_v2,                                   \
    (CUdeviceptr to, const void *from, size_t bytes, CUstream stream),         \
    (to, from, bytes, stream))                                                 \
  X(cuMemcpyDtoHAsync, cuMemcpyDtoHAsync_v2,                                   \
    (void *to, CUdeviceptr from, size_t bytes, CUstream stream),               \
    (to, from, bytes, stream))                                                 \
  X(cuMemcpyDtoDAsync, cuMemcpyDtoDAsync_v2,                                   \
    (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream),         \
    (to, from, bytes, stream))                                                 \
  X(cuMemsetD8Async, cuMemsetD8Async,                                          \
    (CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream),      \
    (to, value, bytes, stream))                                                \
  X(cuModuleLoadDataEx, cuModuleLoadDataEx,                                    \
    (CUmodule * module, const void *image, unsigned count,                     \
     CUjit_option *options, void **values),                                    \
    (module, image, count, options, values))                                   \
  X(cuModuleUnload, cuModuleUnload, (CUmodule module), (module))               \
  X(cuModuleGetFunction, cuModuleGetFunction,                                  \
    (CUfunction * function, CUmodule module, const char *name),                \
    (function, module, name))                                                  \
  X(cuFuncSetAttribute, cuFuncSetAttribute,                                    \
    (CUfunction function, CUfunction_attribute attribute, int value),          \
    (function, attribute, value))                                              \
  X(cuFuncGetAttribute, cuFuncGetAttribute,                                    \
    (int *value, CUfunction_attribute attribute, CUfunction function),         \
    (value, attribute, function))                                              \
  X(cuLaunchKernelEx, cuLaunchKernelEx,                                        \
    (const CUlaunchConfig *config, CUfunction function, void **arguments,      \
     void **extra),                                                            \
    (config, function, arguments, extra))                                      \
  X(cuStreamCreate, cuStreamCreate, (CUstream * stream, unsigned flags),       \
    (stream, flags))                                                           \
  X(cuStreamDestroy, cuStreamDestroy_v2, (CUstream stream), (stream))          \
  X(cuStreamSynchronize, cuStreamSynchronize, (CUstream stream), (stream))     \
  X(cuStreamIsCapturing, cuStreamIsCapturing,                                  \
    (CUstream stream, CUstreamCaptureStatus * status), (stream, status))       \
  X(cuStreamBeginCapture, cuStreamBeginCapture_v2,                             \
    (CUstream stream, int mode), (stream, mode))                               \
  X(cuStreamEndCapture, cuStreamEndCapture,                                    \
    (CUstream stream, CUgraph * graph), (stream, graph))                       \
  X(cuGraphInstantiate, cuGraphInstantiateWithFlags,                           \
    (CUgraphExec * exec, CUgraph graph, unsigned long long flags),             \
    (exec, graph, flags))                                                      \
  X(cuGraphLaunch, cuGraphLaunch, (CUgraphExec exec, CUstream stream),         \
    (exec, stream))                                                            \
  X(cuGraphDestroy, cuGraphDestroy, (CUgraph graph), (graph))                  \
  X(cuGraphExecDestroy, cuGraphExecDestroy, (CUgraphExec exec), (exec))        \
  X(cuEventCreate, cuEventCreate, (CUevent * event, unsigned flags),           \
    (event, flags))                                                            \
  X(cuEventRecord, cuEventRecord, (CUevent event, CUstream stream),            \
    (event, stream))                                                           \
  X(cuEventSynchronize, cuEventSynchronize, (CUevent event), (event))          \
  X(cuEventElapsedTime, cuEventElapsedTime,                                    \
    (float *milliseconds, CUevent start, CUevent stop),                        \
    (milliseconds, start, stop))                                               \
  X(cuEventDestroy, cuEventDestroy_v2, (CUevent event), (event))               \
  X(cuTensorMapEncodeTiled, cuTensorMapEncodeTiled,                            \
    (CUtensorMap * map, int type, uint32_t rank, void *address,                \
     const uint64_t *sizes, const uint64_t *strides, const uint32_t *box,      \
     const uint32_t *elementStrides, int interleave, int swizzle,              \
     int promotion, int fill),                                                 \
    (map, type, rank, address, sizes, strides, box, elementStrides,            \
     interleave, swizzle, promotion, fill))

#endif // HEADGATE_RUNTIME_CUDA_API_H
