// RUN: headgate-opt %s --headgate-pipeline-loads --headgate-check-streams --canonicalize --cse --split-input-file | FileCheck %s

// Two stages. Of a turn one position of each stream is read and one is under
// way; the resident factor is copied behind the first keys, its index load
// before them. Positions beyond the end lie before key 0: nothing is read.
// CHECK-LABEL: func @two_stages(
//  CHECK-SAME:   %[[Q:[a-z0-9]+]]: {{.+}}, %[[PICK:[a-z0-9]+]]: {{.+}}, %[[K:[a-z0-9]+]]: {{.+}}, %[[V:[a-z0-9]+]]: {{.+}}, %[[N:[a-z0-9]+]]: index)
//   CHECK-DAG:   %[[KEYS:.+]] = tile.ring readers 1 : !tile.ring<2 x tensor<48x32xbf16>>
//   CHECK-DAG:   %[[VALUES:.+]] = tile.ring readers 1 : !tile.ring<2 x tensor<48x16xbf16>>
//   CHECK-DAG:   %[[ROWS:.+]] = tile.load %[[PICK]]
//   CHECK-DAG:   %[[LAST:.+]] = arith.subi %[[N]], %c1
//   CHECK-DAG:   %[[FIRST:.+]] = arith.muli %[[LAST]], %c48
//       CHECK:   tile.put %[[KEYS]][%c0_i32], %[[K]][%[[FIRST]], %c0] [48, 32]
//  CHECK-NEXT:   %[[QT:.+]] = tile.load %[[Q]]{{.+}} rows(%[[ROWS]]
//  CHECK-NEXT:   %[[QS:.+]] = tile.share async %[[QT]]
//  CHECK-NEXT:   tile.put %[[VALUES]][%c0_i32], %[[V]][%[[FIRST]], %c0] [48, 16]
//  CHECK-NEXT:   scf.for %[[I:.+]] = %c0 to %[[N]] step %c1 iter_args(%[[O:.+]] = %{{.+}})
//       CHECK:     %[[AT:.+]] = arith.index_cast %[[I]] : index to i32
//  CHECK-NEXT:     %[[KS:.+]] = tile.get %[[KEYS]][%[[AT]]] newer 1
//  CHECK-NEXT:     %[[VS:.+]] = tile.get %[[VALUES]][%[[AT]]] newer 0
//   CHECK-DAG:     %[[NEXT:.+]] = arith.addi %[[I]], %c1
//   CHECK-DAG:     %[[NEXT32:.+]] = arith.index_cast %[[NEXT]] : index to i32
//   CHECK-DAG:     %[[J:.+]] = arith.subi %[[LAST]], %[[NEXT]]
//   CHECK-DAG:     %[[K0:.+]] = arith.muli %[[J]], %c48
//       CHECK:     tile.put %[[KEYS]][%[[NEXT32]]], %[[K]][%[[K0]], %c0] [48, 32]
//  CHECK-NEXT:     tile.put %[[VALUES]][%[[NEXT32]]], %[[V]][%[[K0]], %c0] [48, 16]
//  CHECK-NEXT:     %[[SP:.+]] = tile.start %[[QS]], transpose %[[KS]]
//  CHECK-NEXT:     %[[S:.+]], %[[KFREE:.+]] = tile.await %[[SP]]
//  CHECK-NEXT:     tile.release %[[KFREE]]
//  CHECK-NEXT:     tile.reduce max %[[S]]
//       CHECK:     %[[P:.+]] = arith.truncf
//       CHECK:     %[[ONP:.+]] = tile.start %[[P]], %[[VS]] acc %{{.+}}
//  CHECK-NEXT:     %[[ON:.+]], %[[VFREE:.+]] = tile.await %[[ONP]]
//  CHECK-NEXT:     tile.release %[[VFREE]]
//  CHECK-NEXT:     scf.yield %{{.+}}, %[[ON]]
//   CHECK-NOT:   tile.dot
func.func @two_stages(%q: memref<?x?x32xbf16>, %pick: memref<64xi32>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %low = arith.constant dense<0xFF800000> : tensor<64xf32>
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %rows = tile.load %pick[%c0] [64] : memref<64xi32> -> tensor<64xi32>
  %qt = tile.load %q[%c0, %c0, %c0] [1, 1, 32] rows(%rows at [1] : tensor<64xi32>) : memref<?x?x32xbf16> -> tensor<64x32xbf16>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%m = %low, %o = %zero) -> (tensor<64xf32>, tensor<64x16xf32>) {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %kt = tile.load %k[%k0, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %qt, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %big = tile.reduce max %s : tensor<64x48xf32> -> tensor<64xf32>
    %mn = arith.maxnumf %m, %big : tensor<64xf32>
    %a = arith.subf %m, %mn : tensor<64xf32>
    %ab = tile.broadcast %a along 1 : tensor<64xf32> -> tensor<64x16xf32>
    %os = arith.mulf %o, %ab : tensor<64x16xf32>
    %mb = tile.broadcast %mn along 1 : tensor<64xf32> -> tensor<64x48xf32>
    %d = arith.subf %s, %mb : tensor<64x48xf32>
    %p = arith.truncf %d : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %os : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %mn, %on : tensor<64xf32>, tensor<64x16xf32>
  }
  return %r#1 : tensor<64x16xf32>
}

// -----

// One stage: values travel while scores are computed, keys while the rest is.
// The second wait stands behind the row maximum.
// CHECK-LABEL: func @one_stage(
//   CHECK-DAG:   %[[KEYS:.+]] = tile.ring readers 1 : !tile.ring<1 x tensor<48x32xbf16>>
//   CHECK-DAG:   %[[VALUES:.+]] = tile.ring readers 1 : !tile.ring<1 x tensor<48x16xbf16>>
//       CHECK:   tile.put %[[KEYS]][%c0_i32]
//  CHECK-NEXT:   tile.share async
//  CHECK-NEXT:   scf.for %[[I:.+]] = %c0
//       CHECK:     %[[AT:.+]] = arith.index_cast %[[I]] : index to i32
//       CHECK:     tile.get %[[KEYS]][%[[AT]]] newer 0
//       CHECK:     tile.put %[[VALUES]][%[[AT]]]
//       CHECK:     tile.start
//  CHECK-NEXT:     tile.await
//  CHECK-NEXT:     tile.release
//  CHECK-NEXT:     tile.reduce max
//  CHECK-NEXT:     arith.maxnumf
//  CHECK-NEXT:     tile.get %[[VALUES]][%[[AT]]] newer 0
//       CHECK:     %[[NEXT:.+]] = arith.addi %[[I]], %c1
//       CHECK:     tile.put %[[KEYS]][
//       CHECK:     tile.start
//  CHECK-NEXT:     tile.await
//  CHECK-NEXT:     tile.release
func.func @one_stage(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %v: memref<?x16xbf16>, %n: index)
    -> tensor<64x16xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 1>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %low = arith.constant dense<0xFF800000> : tensor<64xf32>
  %zero = arith.constant dense<0.0> : tensor<64x16xf32>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%m = %low, %o = %zero) -> (tensor<64xf32>, tensor<64x16xf32>) {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %kt = tile.load %k[%k0, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %big = tile.reduce max %s : tensor<64x48xf32> -> tensor<64xf32>
    %mn = arith.maxnumf %m, %big : tensor<64xf32>
    %mb = tile.broadcast %mn along 1 : tensor<64xf32> -> tensor<64x48xf32>
    %d = arith.subf %s, %mb : tensor<64x48xf32>
    %p = arith.truncf %d : tensor<64x48xf32> to tensor<64x48xbf16>
    %vt = tile.load %v[%k0, %c0] [48, 16] : memref<?x16xbf16> -> tensor<48x16xbf16>
    %on = tile.dot %p, %vt acc %o : tensor<64x48xbf16>, tensor<48x16xbf16>, tensor<64x16xf32> -> tensor<64x16xf32>
    scf.yield %mn, %on : tensor<64xf32>, tensor<64x16xf32>
  }
  return %r#1 : tensor<64x16xf32>
}

// -----

// A projection with three stages: two turns are under way while one is
// multiplied. Beyond the last turn the windows go to the end of the memref.
// CHECK-LABEL: func @projection(
//  CHECK-SAME:   %[[X:[a-z0-9]+]]: memref<?x?xbf16>, %[[W:[a-z0-9]+]]: memref<?x32xbf16>, %[[N:[a-z0-9]+]]: index)
//   CHECK-DAG:   %[[LEFT:.+]] = tile.ring readers 1 : !tile.ring<3 x tensor<64x16xbf16>>
//   CHECK-DAG:   %[[RIGHT:.+]] = tile.ring readers 1 : !tile.ring<3 x tensor<16x32xbf16>>
//   CHECK-DAG:   %[[TERMS:.+]] = memref.dim %[[X]], %c1
//       CHECK:   tile.put %[[LEFT]][%c0_i32]
//       CHECK:   tile.put %[[RIGHT]][%c0_i32]
//       CHECK:   tile.put %[[LEFT]][%c1_i32]
//       CHECK:   tile.put %[[RIGHT]][%c1_i32]
//       CHECK:   scf.for %[[I:.+]] = %c0
//       CHECK:     %[[A:.+]] = tile.get %[[LEFT]][%{{.+}}] newer 3
//       CHECK:     %[[B:.+]] = tile.get %[[RIGHT]][%{{.+}}] newer 2
//   CHECK-DAG:     %[[NEXT:.+]] = arith.addi %[[I]], %c2
//   CHECK-DAG:     %[[IS:.+]] = arith.cmpi slt, %[[NEXT]], %[[N]]
//   CHECK-DAG:     %[[K0:.+]] = arith.muli %[[NEXT]], %c16
//   CHECK-DAG:     %[[AT:.+]] = arith.select %[[IS]], %[[K0]], %[[TERMS]]
//       CHECK:     tile.put %[[LEFT]][%{{.+}}], %[[X]][%c0, %[[AT]]]
//       CHECK:     tile.put %[[RIGHT]]
//       CHECK:     %[[SUM:.+]], %[[FREE:.+]]:2 = tile.await
//  CHECK-NEXT:     tile.release %[[FREE]]#0, %[[FREE]]#1
//  CHECK-NEXT:     scf.yield %[[SUM]]
func.func @projection(%x: memref<?x?xbf16>, %w: memref<?x32xbf16>, %n: index)
    -> tensor<64x32xf32> attributes {tile.schedule = #tile.schedule<rows = 64, cols = 32, depth = 16, warps = 4, stages = 3>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant dense<0.0> : tensor<64x32xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x32xf32> {
    %k0 = arith.muli %i, %c16 : index
    %a = tile.load %x[%c0, %k0] [64, 16] : memref<?x?xbf16> -> tensor<64x16xbf16>
    %b = tile.load %w[%k0, %c0] [16, 32] : memref<?x32xbf16> -> tensor<16x32xbf16>
    %sum = tile.dot %a, %b acc %o : tensor<64x16xbf16>, tensor<16x32xbf16>, tensor<64x32xf32> -> tensor<64x32xf32>
    scf.yield %sum : tensor<64x32xf32>
  }
  return %r : tensor<64x32xf32>
}

// -----

// The extents are known: what lies beyond the last turn lies beyond the memref.
// CHECK-LABEL: func @known_extents
//   CHECK-NOT:   arith.select
//       CHECK:   return
func.func @known_extents(%x: memref<?x64xbf16>, %w: memref<64x32xbf16>)
    -> tensor<64x32xf32> attributes {tile.schedule = #tile.schedule<rows = 64, cols = 32, depth = 16, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant dense<0.0> : tensor<64x32xf32>
  %r = scf.for %i = %c0 to %c4 step %c1 iter_args(%o = %zero) -> tensor<64x32xf32> {
    %k0 = arith.muli %i, %c16 : index
    %a = tile.load %x[%c0, %k0] [64, 16] : memref<?x64xbf16> -> tensor<64x16xbf16>
    %b = tile.load %w[%k0, %c0] [16, 32] : memref<64x32xbf16> -> tensor<16x32xbf16>
    %sum = tile.dot %a, %b acc %o : tensor<64x16xbf16>, tensor<16x32xbf16>, tensor<64x32xf32> -> tensor<64x32xf32>
    scf.yield %sum : tensor<64x32xf32>
  }
  return %r : tensor<64x32xf32>
}

// -----

// Keys that are the values: one ring, whose slot both products hold in turn.
// CHECK-LABEL: func @keys_are_values
//       CHECK:   = tile.ring
//   CHECK-NOT:   = tile.ring
//       CHECK:   scf.for
//       CHECK:     %[[SLOT:.+]] = tile.get %{{.+}} newer 0
//       CHECK:     tile.put
//   CHECK-NOT:     tile.put
//       CHECK:     tile.start %{{.+}}, transpose %[[SLOT]]
//  CHECK-NEXT:     %{{.+}}, %[[STILL:.+]] = tile.await
//   CHECK-NOT:     tile.release
//       CHECK:     tile.start %{{.+}}, %[[STILL]] acc
//  CHECK-NEXT:     %{{.+}}, %[[FREE:.+]] = tile.await
//  CHECK-NEXT:     tile.release %[[FREE]]
func.func @keys_are_values(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index)
    -> tensor<64x32xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x32xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x32xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %kt = tile.load %k[%k0, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %on = tile.dot %p, %kt acc %o : tensor<64x48xbf16>, tensor<48x32xbf16>, tensor<64x32xf32> -> tensor<64x32xf32>
    scf.yield %on : tensor<64x32xf32>
  }
  return %r : tensor<64x32xf32>
}

// -----

// With one stage they are copied twice, since a turn needs them twice.
// CHECK-LABEL: func @keys_are_values_of_one_stage
//       CHECK:   %[[KEYS:.+]] = tile.ring
//       CHECK:   %[[VALUES:.+]] = tile.ring
//       CHECK:   tile.put %[[KEYS]]
//       CHECK:   scf.for
//       CHECK:     %[[K:.+]] = tile.get %[[KEYS]]
//       CHECK:     tile.put %[[VALUES]]
//       CHECK:     tile.start %{{.+}}, transpose %[[K]]
//       CHECK:     %[[V:.+]] = tile.get %[[VALUES]]
//       CHECK:     tile.put %[[KEYS]]
//       CHECK:     tile.start %{{.+}}, %[[V]] acc
func.func @keys_are_values_of_one_stage(%q: tensor<64x32xbf16>, %k: memref<?x32xbf16>, %n: index)
    -> tensor<64x32xf32> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 48, warps = 4, stages = 1>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %last = arith.subi %n, %c1 : index
  %zero = arith.constant dense<0.0> : tensor<64x32xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%o = %zero) -> tensor<64x32xf32> {
    %j = arith.subi %last, %i : index
    %k0 = arith.muli %j, %c48 : index
    %kt = tile.load %k[%k0, %c0] [48, 32] : memref<?x32xbf16> -> tensor<48x32xbf16>
    %s = tile.dot %q, transpose %kt : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xf32>
    %p = arith.truncf %s : tensor<64x48xf32> to tensor<64x48xbf16>
    %on = tile.dot %p, %kt acc %o : tensor<64x48xbf16>, tensor<48x32xbf16>, tensor<64x32xf32> -> tensor<64x32xf32>
    scf.yield %on : tensor<64x32xf32>
  }
  return %r : tensor<64x32xf32>
}

// -----

// A product without a loop, and a result of 16-bit elements: whole rows go out
// by way of shared memory, elements of 32 bits go as they are.
// CHECK-LABEL: func @no_loop(
//       CHECK:   %[[AT:.+]] = tile.load
//       CHECK:   %[[BT:.+]] = tile.load
//       CHECK:   %[[A:.+]] = tile.share async %[[AT]]
//       CHECK:   %[[B:.+]] = tile.share %[[BT]]
//       CHECK:   %[[P:.+]] = tile.start %[[A]], %[[B]] :
//       CHECK:   %[[S:.+]] = tile.await %[[P]]
//       CHECK:   tile.store %[[S]], %{{.+}} : tensor<64x32xf32>
//       CHECK:   %[[T:.+]] = arith.truncf %[[S]]
//       CHECK:   %[[OUT:.+]] = tile.share %[[T]]
//       CHECK:   tile.store %[[OUT]], %{{.+}} : !tile.shared<tensor<64x32xbf16>>
func.func @no_loop(%x: memref<?x16xbf16>, %w: memref<16x32xbf16>, %wide: memref<?x32xf32>, %y: memref<?x32xbf16>)
    attributes {tile.schedule = #tile.schedule<rows = 64, cols = 32, depth = 16, warps = 4, stages = 2>} {
  %c0 = arith.constant 0 : index
  %a = tile.load %x[%c0, %c0] [64, 16] : memref<?x16xbf16> -> tensor<64x16xbf16>
  %b = tile.load %w[%c0, %c0] [16, 32] : memref<16x32xbf16> -> tensor<16x32xbf16>
  %s = tile.dot %a, %b : tensor<64x16xbf16>, tensor<16x32xbf16> -> tensor<64x32xf32>
  tile.store %s, %wide[%c0, %c0] [64, 32] : tensor<64x32xf32>, memref<?x32xf32>
  %t = arith.truncf %s : tensor<64x32xf32> to tensor<64x32xbf16>
  tile.store %t, %y[%c0, %c0] [64, 32] : tensor<64x32xbf16>, memref<?x32xbf16>
  return
}

// -----

// Without products there is nothing to feed.
// CHECK-LABEL: func @rows
//   CHECK-NOT:   tile.share
//       CHECK:   return
func.func @rows(%x: memref<?x16xbf16>, %y: memref<?x16xbf16>)
    attributes {tile.schedule = #tile.schedule<rows = 64, warps = 4>} {
  %c0 = arith.constant 0 : index
  %a = tile.load %x[%c0, %c0] [64, 16] : memref<?x16xbf16> -> tensor<64x16xbf16>
  tile.store %a, %y[%c0, %c0] [64, 16] : tensor<64x16xbf16>, memref<?x16xbf16>
  return
}

// -----

// What has no schedule is not launched.
// CHECK-LABEL: func @unscheduled
//       CHECK:   tile.dot
func.func @unscheduled(%a: tensor<64x16xbf16>, %b: tensor<16x32xbf16>) -> tensor<64x32xf32> {
  %s = tile.dot %a, %b : tensor<64x16xbf16>, tensor<16x32xbf16> -> tensor<64x32xf32>
  return %s : tensor<64x32xf32>
}
