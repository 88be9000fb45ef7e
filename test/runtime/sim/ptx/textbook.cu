// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Textbook kernels for another compiler's PTX. Made with CUDA 13.0:
//   nvcc -arch=sm_80 -lineinfo -ptx textbook.cu -o textbook-nvcc.ptx

extern "C" __global__ void reduce(const float *x, float *y, int n) {
  __shared__ float part[32];
  float s = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n;
       i += gridDim.x * blockDim.x)
    s += x[i];
  for (int o = 16; o; o >>= 1)
    s += __shfl_xor_sync(~0u, s, o);
  if (threadIdx.x % 32 == 0)
    part[threadIdx.x / 32] = s;
  __syncthreads();
  if (threadIdx.x < 32) {
    s = threadIdx.x < blockDim.x / 32 ? part[threadIdx.x] : 0;
    for (int o = 16; o; o >>= 1)
      s += __shfl_down_sync(~0u, s, o);
    if (threadIdx.x == 0)
      atomicAdd(y, s);
  }
}

extern "C" __global__ void transpose(const float *x, float *y, int n, int m) {
  __shared__ float tile[32][33];
  int bx = blockIdx.x * 32, by = blockIdx.y * 32;
  for (int j = threadIdx.y; j < 32; j += blockDim.y)
    if (by + j < n && bx + threadIdx.x < m)
      tile[j][threadIdx.x] = x[(by + j) * m + bx + threadIdx.x];
  __syncthreads();
  for (int j = threadIdx.y; j < 32; j += blockDim.y)
    if (bx + j < m && by + threadIdx.x < n)
      y[(bx + j) * n + by + threadIdx.x] = tile[threadIdx.x][j];
}

extern "C" __global__ void sgemm(const float *A, const float *B, float *C,
                                 int M, int N, int K) {
  __shared__ float a[16][16], b[16][16];
  int r = blockIdx.y * 16 + threadIdx.y, c = blockIdx.x * 16 + threadIdx.x;
  float s = 0;
  for (int k = 0; k < K; k += 16) {
    a[threadIdx.y][threadIdx.x] =
        r < M && k + threadIdx.x < K ? A[r * K + k + threadIdx.x] : 0;
    b[threadIdx.y][threadIdx.x] =
        c < N && k + threadIdx.y < K ? B[(k + threadIdx.y) * N + c] : 0;
    __syncthreads();
    for (int i = 0; i < 16; ++i)
      s += a[threadIdx.y][i] * b[i][threadIdx.x];
    __syncthreads();
  }
  if (r < M && c < N)
    C[r * N + c] = s;
}

extern "C" __global__ void hist(const int *x, int *bins, int n) {
  __shared__ int local[64];
  if (threadIdx.x < 64)
    local[threadIdx.x] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n;
       i += blockDim.x * gridDim.x)
    atomicAdd(&local[x[i] & 63], 1);
  __syncthreads();
  if (threadIdx.x < 64)
    atomicAdd(&bins[threadIdx.x], local[threadIdx.x]);
}
