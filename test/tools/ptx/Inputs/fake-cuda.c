/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A CUDA driver that prints what it is asked to do. The arguments of a kernel
 * are read as `parameters` says: p, i, l and f. FAKE_CUDA_FAILS makes loading
 * fail. */
#include "cuda.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char *parameters;

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  if (getenv("FAKE_CUDA_FAILS"))
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  const char *text = image;
  printf("load %zu bytes\n", strstr(text, ".version") ? strlen(text) : 4);
  *module = (CUmodule)image;
  return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule module) {
  printf("unload %d\n", module != NULL);
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module,
                             const char *name) {
  printf("function %s\n", name);
  *function = (CUfunction)module;
  return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute,
                            int value) {
  printf("attribute %d = %d %d\n", (int)attribute, value, function != NULL);
  return CUDA_SUCCESS;
}

CUresult cuLaunchKernel(CUfunction function, unsigned gridX, unsigned gridY,
                        unsigned gridZ, unsigned blockX, unsigned blockY,
                        unsigned blockZ, unsigned sharedBytes, CUstream stream,
                        void **arguments, void **extra) {
  printf("launch %d grid %u %u %u block %u %u %u shared %u stream %d:",
         function != NULL, gridX, gridY, gridZ, blockX, blockY, blockZ,
         sharedBytes, stream != NULL);
  for (int i = 0; parameters[i]; ++i) {
    if (parameters[i] == 'p')
      printf(" p%llx", *(CUdeviceptr *)arguments[i]);
    else if (parameters[i] == 'i')
      printf(" %" PRId32, *(int32_t *)arguments[i]);
    else if (parameters[i] == 'l')
      printf(" %" PRId64, *(int64_t *)arguments[i]);
    else
      printf(" %.9g", (double)*(float *)arguments[i]);
  }
  printf("\n");
  return extra ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}
