// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Softmax of rows in halves, by one block a row, for clang's PTX: half2 loads
// as words, shuffles, shared memory, expf through ex2. Made with clang 22:
//
//   clang++-22 -x cuda --cuda-gpu-arch=sm_80 --cuda-device-only -nocudainc \
//     -nocudalib -O2 -S softmax.cu -o softmax-clang.ptx

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))

typedef _Float16 half2 __attribute__((ext_vector_type(2)));

__device__ static float fromLanes(float x, int offset) {
  int bits = __builtin_bit_cast(int, x);
  return __builtin_bit_cast(
      float, __nvvm_shfl_sync_bfly_i32(-1, bits, offset, 31));
}

/// The maximum or the sum over the block; `part` has a word for each warp.
template <bool sum> __device__ static float reduce(float x, float *part) {
  int thread = __nvvm_read_ptx_sreg_tid_x();
  int warps = __nvvm_read_ptx_sreg_ntid_x() / 32;
  for (int offset = 16; offset; offset /= 2) {
    float y = fromLanes(x, offset);
    x = sum ? x + y : __builtin_fmaxf(x, y);
  }
  if (thread % 32 == 0)
    part[thread / 32] = x;
  __nvvm_bar_sync(0);
  x = part[0];
  for (int warp = 1; warp < warps; ++warp)
    x = sum ? x + part[warp] : __builtin_fmaxf(x, part[warp]);
  __nvvm_bar_sync(0);
  return x;
}

extern "C" __global__ void softmax(const half2 *in, half2 *out, int pairs) {
  __shared__ float part[8];
  in += (long)__nvvm_read_ptx_sreg_ctaid_x() * pairs;
  out += (long)__nvvm_read_ptx_sreg_ctaid_x() * pairs;
  int thread = __nvvm_read_ptx_sreg_tid_x();
  int threads = __nvvm_read_ptx_sreg_ntid_x();
  float most = -__builtin_inff();
  for (int i = thread; i < pairs; i += threads)
    most = __builtin_fmaxf(most,
                           __builtin_fmaxf((float)in[i].x, (float)in[i].y));
  most = reduce<false>(most, part);
  constexpr float log2e = 1.44269504f;
  float total = 0;
  for (int i = thread; i < pairs; i += threads)
    total += __nvvm_ex2_approx_f(((float)in[i].x - most) * log2e) +
             __nvvm_ex2_approx_f(((float)in[i].y - most) * log2e);
  total = reduce<true>(total, part);
  for (int i = thread; i < pairs; i += threads) {
    half2 value;
    value.x = __nvvm_ex2_approx_f(((float)in[i].x - most) * log2e) / total;
    value.y = __nvvm_ex2_approx_f(((float)in[i].y - most) * log2e) / total;
    out[i] = value;
  }
}
