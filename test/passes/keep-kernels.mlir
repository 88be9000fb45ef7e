// RUN: headgate-opt %s --headgate-keep-kernels | FileCheck %s

// CHECK-NOT: @entry
//     CHECK: func.func private @kernel(
// CHECK-NOT: @helper
func.func @entry(%x: memref<4xf32>) {
  call @kernel(%x) : (memref<4xf32>) -> ()
  return
}
func.func private @kernel(%x: memref<4xf32>) attributes {headgate.kernel = "function"} {
  return
}
func.func private @helper(%x: memref<4xf32>) {
  return
}
