// RUN: headgate-opt %s --headgate-lower-routed-to-tile --canonicalize --cse --split-input-file | FileCheck %s --implicit-check-not=routed.

// GQE: the query row of the chosen expert, from the buffer of all of them; the
// rows go into columns of a wider buffer. Keys are walked from the last tile that
// a row sees to the first, and masked only where a row does not see all of them.
// CHECK-LABEL: func private @gathered
//  CHECK-SAME:   %[[Q:[^:]+]]: memref<?x?x2x3x16xbf16> {{[^%]+}} %[[E:[^:]+]]: memref<?x?x2x1xi32>
//  CHECK-SAME:   %[[K:[^:]+]]: memref<?x?x2x16xbf16> {{[^%]+}} %[[V:[^:]+]]: memref<?x?x2x16xbf16>
//  CHECK-SAME:   %[[CAT:[^:]+]]: memref<?x?x40xbf16>
//  CHECK-SAME:   headgate.launch = {grid = ["2*B", "cdiv(S,5)", "1"], index = 0 : i64, kernel = "gathered", schedule = "{\22rows\22:5,\22keys\22:8}"}
//   CHECK-DAG:   %[[HEADS:.+]] = memref.expand_shape
//   CHECK-DAG:   %[[X:.+]] = gpu.block_id x
//   CHECK-DAG:   %[[B:.+]] = arith.divui %[[X]], %c2
//   CHECK-DAG:   %[[G:.+]] = arith.remui %[[X]], %c2
//   CHECK-DAG:   %[[S0:.+]] = arith.muli %{{.+}}, %c5
//       CHECK:   %[[R:.+]] = tile.iota : tensor<5xi32>
//       CHECK:   %[[OFF:.+]] = arith.subi %{{.+}}, %{{.+}} : index
//       CHECK:   %[[N:.+]] = arith.ceildivui %[[END:.+]], %c8
//       CHECK:   %[[ET:.+]] = tile.load %[[E]][%[[B]], %[[S0]], %[[G]], %c0] [1, 5, 1, 1]
//       CHECK:   %[[QT:.+]] = tile.load %[[Q]][%[[B]], %[[S0]], %[[G]], %c0, %c0] [1, 1, 1, 1, 16] rows(%[[R]], %[[ET]] at [1, 3]
//       CHECK:   %[[LAST:.+]] = arith.subi %[[N]], %c1
//       CHECK:   scf.for %[[I:.+]] = %c0 to %[[N]] step %c1
//       CHECK:     %[[J:.+]] = arith.subi %[[LAST]], %[[I]]
//       CHECK:     %[[K0:.+]] = arith.muli %[[J]], %c8
//       CHECK:     %[[LEFT:.+]] = arith.subi %[[END]], %[[K0]]
//       CHECK:     %[[LIVE:.+]] = arith.minsi %[[LEFT]], %c8
//       CHECK:     %[[KT:.+]] = tile.load %[[K]][%[[B]], %[[K0]], %[[G]], %c0] [1, 8, 1, 16]
//       CHECK:     %[[S:.+]] = tile.dot %[[QT]], transpose %[[KT]] cols(%[[LIVE]])
//       CHECK:     %[[EDGE:.+]] = arith.cmpi sgt
//       CHECK:     %[[SM:.+]] = scf.if %[[EDGE]]
//       CHECK:       arith.select %{{.+}}, %[[S]], %{{.+}} : tensor<5x8xi1>, tensor<5x8xf32>
//       CHECK:     else
//       CHECK:       scf.yield %[[S]]
//       CHECK:     tile.reduce max %[[SM]]
//       CHECK:     %[[P:.+]] = arith.truncf %{{.+}} : tensor<5x8xf32> to tensor<5x8xbf16>
//       CHECK:     %[[VT:.+]] = tile.load %[[V]][%[[B]], %[[K0]], %[[G]], %c0] [1, 8, 1, 16]
//       CHECK:     tile.dot %[[P]], %[[VT]] acc %{{.+}} depth(%[[LIVE]])
//   CHECK-NOT:   math.log
//       CHECK:   %[[O:.+]] = arith.truncf %{{.+}} : tensor<5x16xf32> to tensor<5x16xbf16>
//       CHECK:   tile.store %[[O]], %[[HEADS]][%[[B]], %[[S0]], %[[G]], %c0, %c0] [1, 5, 1, 1, 16]
func.func private @gathered(
    %q: memref<?x?x2x3x16xbf16> {headgate.dims = ["B", "S", 2, 3, 16]},
    %e: memref<?x?x2x1xi32> {headgate.dims = ["B", "S", 2, 1]},
    %k: memref<?x?x2x16xbf16> {headgate.dims = ["B", "T", 2, 16]},
    %v: memref<?x?x2x16xbf16> {headgate.dims = ["B", "T", 2, 16]},
    %cat: memref<?x?x40xbf16> {headgate.dims = ["B", "S", 40], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 5, keys = 8>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %B = memref.dim %cat, %c0 : memref<?x?x40xbf16>
  %S = memref.dim %cat, %c1 : memref<?x?x40xbf16>
  %columns = memref.subview %cat[0, 0, 8] [%B, %S, 32] [1, 1, 1]
      : memref<?x?x40xbf16> to memref<?x?x32xbf16, strided<[?, 40, 1], offset: 8>>
  %o = memref.expand_shape %columns [[0], [1], [2, 3, 4]] output_shape [%B, %S, 2, 1, 16]
      : memref<?x?x32xbf16, strided<[?, 40, 1], offset: 8>>
      into memref<?x?x2x1x16xbf16, strided<[?, 40, 16, 16, 1], offset: 8>>
  %qt = bufferization.to_tensor %q restrict : memref<?x?x2x3x16xbf16> to tensor<?x?x2x3x16xbf16>
  %et = bufferization.to_tensor %e restrict : memref<?x?x2x1xi32> to tensor<?x?x2x1xi32>
  %kt = bufferization.to_tensor %k restrict : memref<?x?x2x16xbf16> to tensor<?x?x2x16xbf16>
  %vt = bufferization.to_tensor %v restrict : memref<?x?x2x16xbf16> to tensor<?x?x2x16xbf16>
  %g = routed.gather %qt[%et] : tensor<?x?x2x3x16xbf16>, tensor<?x?x2x1xi32>
  %out, %lse = routed.attend %g, %kt, %vt causal
      : tensor<?x?x2x1x16xbf16>, tensor<?x?x2x16xbf16>, tensor<?x?x2x16xbf16>
  bufferization.materialize_in_destination %out in restrict writable %o
      : (tensor<?x?x2x1x16xbf16>, memref<?x?x2x1x16xbf16, strided<[?, 40, 16, 16, 1], offset: 8>>) -> ()
  return
}

// -----

// Plain heads, not causal, keys and values of widths that are no multiple of 16:
// windows are wider than the buffers. The end of the keys is the only edge. f32
// is stored as it is; lse is computed since it is stored.
// CHECK-LABEL: func private @dense
//  CHECK-SAME:   grid = ["4*B", "cdiv(S,3)", "1"]
//       CHECK:   tile.load %{{.+}}[{{.+}}] [1, 3, 1, 32] : memref<?x?x4x24xf32> -> tensor<3x32xf32>
//       CHECK:   scf.for
//       CHECK:     tile.load %{{.+}}[{{.+}}] [1, 8, 1, 32] : memref<?x?x2x24xf32> -> tensor<8x32xf32>
//       CHECK:     scf.if
//       CHECK:       %[[COLS:.+]] = arith.cmpi slt, %{{.+}}, %{{.+}} : tensor<8xi32>
//       CHECK:       tile.broadcast %[[COLS]] along 0 : tensor<8xi1> -> tensor<3x8xi1>
//       CHECK:     tile.load %{{.+}}[{{.+}}] [1, 8, 1, 16] : memref<?x?x2x12xf32> -> tensor<8x16xf32>
//   CHECK-NOT:   truncf
//       CHECK:   %[[LOG:.+]] = math.log
//       CHECK:   %[[LSE:.+]] = math.fma %{{.+}}, %{{.+}}, %[[LOG]]
//       CHECK:   tile.store %{{.+}}, %{{.+}}[{{.+}}] [1, 3, 1, 16] : tensor<3x16xf32>, memref<?x?x4x12xf32>
//       CHECK:   tile.store %[[LSE]], %{{.+}}[{{.+}}] [1, 3, 1] : tensor<3xf32>, memref<?x?x4xf32>
func.func private @dense(
    %q: memref<?x?x4x24xf32> {headgate.dims = ["B", "S", 4, 24]},
    %k: memref<?x?x2x24xf32> {headgate.dims = ["B", "T", 2, 24]},
    %v: memref<?x?x2x12xf32> {headgate.dims = ["B", "T", 2, 12]},
    %o: memref<?x?x4x12xf32> {headgate.dims = ["B", "S", 4, 12], headgate.output},
    %l: memref<?x?x4xf32> {headgate.dims = ["B", "S", 4], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 3, keys = 8>} {
  %qt = bufferization.to_tensor %q restrict : memref<?x?x4x24xf32> to tensor<?x?x4x24xf32>
  %kt = bufferization.to_tensor %k restrict : memref<?x?x2x24xf32> to tensor<?x?x2x24xf32>
  %vt = bufferization.to_tensor %v restrict : memref<?x?x2x12xf32> to tensor<?x?x2x12xf32>
  %out, %lse = routed.attend %qt, %kt, %vt
      : tensor<?x?x4x24xf32>, tensor<?x?x2x24xf32>, tensor<?x?x2x12xf32>
  bufferization.materialize_in_destination %out in restrict writable %o : (tensor<?x?x4x12xf32>, memref<?x?x4x12xf32>) -> ()
  bufferization.materialize_in_destination %lse in restrict writable %l : (tensor<?x?x4xf32>, memref<?x?x4xf32>) -> ()
  return
}

// -----

// Bounds of each sequence: keys are read through a view of what exists, so that
// nothing beyond it has any influence; a window starts at the first tile it cuts;
// dead rows are overwritten at the end, NaN or not.
// CHECK-LABEL: func private @ragged
//       CHECK:   %[[LEN:.+]] = arith.index_cast %{{.+}} : i32 to index
//       CHECK:   %[[FIRST:.+]] = arith.index_cast %{{.+}} : i32 to index
//       CHECK:   %[[ROWS:.+]] = arith.index_cast %{{.+}} : i32 to index
//       CHECK:   %[[COUNT:.+]] = arith.maxsi
//       CHECK:   %[[KEYS:.+]] = memref.subview %{{.+}}[%{{.+}}, %[[FIRST]], 0, 0] [1, %[[COUNT]], 2, 16]
//       CHECK:   %[[VALUES:.+]] = memref.subview %{{.+}}[%{{.+}}, %[[FIRST]], 0, 0] [1, %[[COUNT]], 2, 16]
//       CHECK:   arith.cmpi slt, %{{.+}}, %[[ROWS]] : index
//       CHECK:   %[[HOLE:.+]] = arith.cmpi slt, %{{.+}}, %{{.+}} : tensor<3xi32>
//       CHECK:   scf.for
//       CHECK:     %[[AT:.+]] = arith.subi %{{.+}}, %[[FIRST]]
//       CHECK:     tile.load %[[KEYS]][%c0, %[[AT]], %{{.+}}, %c0] [1, 8, 1, 16]
//       CHECK:     scf.if
//       CHECK:       arith.cmpi sle, %{{.+}} : tensor<3x8xi32>
//       CHECK:       arith.cmpi sgt, %{{.+}} : tensor<3x8xi32>
//       CHECK:       arith.cmpi sge, %{{.+}} : tensor<8xi32>
//       CHECK:     tile.load %[[VALUES]][%c0, %[[AT]], %{{.+}}, %c0] [1, 8, 1, 16]
//       CHECK:   %[[LATE:.+]] = arith.cmpi sge, %{{.+}}, %{{.+}} : tensor<3xi32>
//       CHECK:   %[[DEAD:.+]] = arith.ori %[[HOLE]], %[[LATE]] : tensor<3xi1>
//       CHECK:   arith.select %{{.+}} : tensor<3x16xi1>, tensor<3x16xf32>
//       CHECK:   arith.select %[[DEAD]], %{{.+}} : tensor<3xi1>, tensor<3xf32>
func.func private @ragged(
    %q: memref<?x?x2x1x16xf32> {headgate.dims = ["B", "S", 2, 1, 16]},
    %k: memref<?x?x2x16xf32> {headgate.dims = ["B", "T", 2, 16]},
    %v: memref<?x?x2x16xf32> {headgate.dims = ["B", "T", 2, 16]},
    %a: memref<?xi32> {headgate.dims = ["B"]}, %n: memref<?xi32> {headgate.dims = ["B"]},
    %m: memref<?xi32> {headgate.dims = ["B"]}, %e: memref<?x?x2x1xi32> {headgate.dims = ["B", "S", 2, 1]},
    %o: memref<?x?x2x1x16xf32> {headgate.dims = ["B", "S", 2, 1, 16], headgate.output},
    %l: memref<?x?x2x1xf32> {headgate.dims = ["B", "S", 2, 1], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 3, keys = 8>} {
  %qt = bufferization.to_tensor %q restrict : memref<?x?x2x1x16xf32> to tensor<?x?x2x1x16xf32>
  %kt = bufferization.to_tensor %k restrict : memref<?x?x2x16xf32> to tensor<?x?x2x16xf32>
  %vt = bufferization.to_tensor %v restrict : memref<?x?x2x16xf32> to tensor<?x?x2x16xf32>
  %at = bufferization.to_tensor %a restrict : memref<?xi32> to tensor<?xi32>
  %nt = bufferization.to_tensor %n restrict : memref<?xi32> to tensor<?xi32>
  %mt = bufferization.to_tensor %m restrict : memref<?xi32> to tensor<?xi32>
  %et = bufferization.to_tensor %e restrict : memref<?x?x2x1xi32> to tensor<?x?x2x1xi32>
  %out, %lse = routed.attend %qt, %kt, %vt causal window 5 kv_start(%at : tensor<?xi32>)
      kv_len(%nt : tensor<?xi32>) q_len(%mt : tensor<?xi32>) experts(%et of 4 : tensor<?x?x2x1xi32>)
      : tensor<?x?x2x1x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>
  bufferization.materialize_in_destination %out in restrict writable %o : (tensor<?x?x2x1x16xf32>, memref<?x?x2x1x16xf32>) -> ()
  bufferization.materialize_in_destination %lse in restrict writable %l : (tensor<?x?x2x1xf32>, memref<?x?x2x1xf32>) -> ()
  return
}

// -----

// Decode: JetMoE's heads (r, j, c) read key head c, so that the 6 heads of 3
// experts which read one key head are its rows, token by token; the keys are
// split four ways, or less where there are fewer tiles, and brought together by a
// second launch.
// CHECK-LABEL: func private @decode
//  CHECK-SAME:   %[[WS:[^:]+]]: memref<?xi8>)
//  CHECK-SAME:   grid = ["2*B", "max(1,min(4,cdiv(T,8)))*cdiv(3*S,7)", "1"], index = 0 : i64, kernel = "layer", schedule = {{.+}}, variant = 1 : i64, when = "S < 8", workspaceBytes = "408*max(1,min(4,cdiv(T,8)))*B*S"
//       CHECK:   %[[TILES:.+]] = arith.ceildivui %{{.+}}, %c8
//       CHECK:   %[[FEW:.+]] = arith.minsi %[[TILES]], %c4
//       CHECK:   %[[PARTS:.+]] = arith.maxsi %[[FEW]], %c1
//       CHECK:   %[[SPLIT:.+]] = arith.remui %{{.+}}, %[[PARTS]]
//       CHECK:   %[[ROW0:.+]] = arith.muli %{{.+}}, %c7
//   CHECK-DAG:   %[[TOKEN:.+]] = arith.divui %{{.+}} : tensor<7xi32>
//   CHECK-DAG:   arith.remui %{{.+}} : tensor<7xi32>
//   CHECK-DAG:   %[[O:.+]] = memref.view %[[WS]][%c0][%[[PARTS]], %{{.+}}] : memref<?xi8> to memref<?x?x?x16xf32>
//   CHECK-DAG:   %[[L:.+]] = memref.view %[[WS]][%{{.+}}][%[[PARTS]], %{{.+}}] : memref<?xi8> to memref<?x?x?xf32>
//       CHECK:   tile.load %{{.+}}[%{{.+}}] [1, 1, 1, 1, 1, 16] rows(%[[TOKEN]], %{{.+}} at [1, 3, 4] :
//       CHECK:   scf.for
//       CHECK:   tile.store %{{.+}}, %[[O]][%[[SPLIT]], %{{.+}}, %[[ROW0]], %c0] [1, 1, 7, 16]
//       CHECK:   tile.store %{{.+}}, %[[L]][%[[SPLIT]], %{{.+}}, %[[ROW0]]] [1, 1, 7]
// CHECK-LABEL: func private @decode_combine
//  CHECK-SAME:   grid = ["2*B", "cdiv(3*S,7)", "1"], index = 1 : i64, kernel = "layer", schedule = {{.+}}, variant = 1 : i64, when = "S < 8"}
//       CHECK:   scf.for %[[PART:.+]] = %c0 to %{{.+}} step %c1
//       CHECK:     tile.load %{{.+}}[%[[PART]], %{{.+}}] [1, 1, 7] : memref<?x?x?xf32>
//       CHECK:     tile.load %{{.+}}[%[[PART]], %{{.+}}] [1, 1, 7, 16] : memref<?x?x?x16xf32>
//       CHECK:     math.exp2
//       CHECK:   tile.store %{{.+}}, %{{.+}}[{{.+}}] [1, 1, 1, 1, 1, 16] rows(%{{.+}}, %{{.+}} at [1, 3, 4]
//   CHECK-NOT:   tile.dot
func.func private @decode(
    %q: memref<?x?x1x3x2x16xf32> {headgate.dims = ["B", "S", 1, 3, 2, 16]},
    %k: memref<?x?x2x16xf32> {headgate.dims = ["B", "T", 2, 16]},
    %o: memref<?x?x1x3x2x16xf32> {headgate.dims = ["B", "S", 1, 3, 2, 16], headgate.output})
    attributes {headgate.kernel = "attend", headgate.launch = {kernel = "layer", index = 0 : i64, variant = 1 : i64, when = "S < 8"},
                tile.schedule = #tile.schedule<rows = 7, keys = 8, splits = 4, merge = true, stages = 0>} {
  %qt = bufferization.to_tensor %q restrict : memref<?x?x1x3x2x16xf32> to tensor<?x?x1x3x2x16xf32>
  %kt = bufferization.to_tensor %k restrict : memref<?x?x2x16xf32> to tensor<?x?x2x16xf32>
  %out, %lse = routed.attend %qt, %kt, %kt causal kv_head affine_map<(r, j, c) -> (c)>
      : tensor<?x?x1x3x2x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>
  bufferization.materialize_in_destination %out in restrict writable %o : (tensor<?x?x1x3x2x16xf32>, memref<?x?x1x3x2x16xf32>) -> ()
  return
}

// -----

// A block of all key heads: as many rows of each, the first head's first. It reads
// keys and values of all of them at once. A second launch brings the parts of each
// key head together.
// CHECK-LABEL: func private @across
//  CHECK-SAME:   headgate.launch = {grid = ["B", "max(1,min(4,cdiv(T,8)))*cdiv(2*S,3)", "1"]
//   CHECK-DAG:   %[[I:.+]] = tile.iota : tensor<6xi32>
//   CHECK-DAG:   arith.divui %[[I]], %{{.+}} : tensor<6xi32>
//   CHECK-DAG:   %[[R:.+]] = arith.remui %[[I]], %{{.+}} : tensor<6xi32>
//       CHECK:   tile.load %{{.+}} [1, 1, 1, 1, 16] rows({{.+}} at [1, 2, 3] {{.+}} -> tensor<6x16xf32>
//       CHECK:   scf.for
//       CHECK:     %[[K:.+]] = tile.load %{{.+}}, %c1, %c0] [1, 8, 2, 16] : memref<?x?x4x16xf32> -> tensor<8x32xf32>
//       CHECK:     tile.dot %{{.+}}, transpose %[[K]] cols(%{{.+}}) heads(2) : tensor<6x16xf32>, tensor<8x32xf32> -> tensor<6x8xf32>
//       CHECK:     tile.dot %{{.+}} acc %{{.+}} depth(%{{.+}}) heads(2) : tensor<6x8xf32>, tensor<8x32xf32>, tensor<6x16xf32> -> tensor<6x16xf32>
//       CHECK:   tile.store %{{.+}}, %{{.+}} [1, 2, 3, 16] : tensor<6x16xf32>
// CHECK-LABEL: func private @across_combine
//  CHECK-SAME:   headgate.launch = {grid = ["2*B", "cdiv(2*S,3)", "1"]
//       CHECK:   tile.load %{{.+}} [1, 1, 3, 16] : {{.+}} -> tensor<3x16xf32>
func.func private @across(
    %q: memref<?x?x2x2x16xf32> {headgate.dims = ["B", "S", 2, 2, 16]},
    %k: memref<?x?x4x16xf32> {headgate.dims = ["B", "T", 4, 16]},
    %o: memref<?x?x2x2x16xf32> {headgate.dims = ["B", "S", 2, 2, 16], headgate.output})
    attributes {headgate.kernel = "attend",
                tile.schedule = #tile.schedule<rows = 6, keys = 8, splits = 4, merge = true, across = true, stages = 0>} {
  %qt = bufferization.to_tensor %q restrict : memref<?x?x2x2x16xf32> to tensor<?x?x2x2x16xf32>
  %kt = bufferization.to_tensor %k restrict : memref<?x?x4x16xf32> to tensor<?x?x4x16xf32>
  %out, %lse = routed.attend %qt, %kt, %kt causal kv_head affine_map<(g, j) -> (g + 1)>
      : tensor<?x?x2x2x16xf32>, tensor<?x?x4x16xf32>, tensor<?x?x4x16xf32>
  bufferization.materialize_in_destination %out in restrict writable %o : (tensor<?x?x2x2x16xf32>, memref<?x?x2x2x16xf32>) -> ()
  return
}

// -----

// Blocks numbered by rows first, so that those which follow one another read the
// same keys. A mask that all batches share masks every tile.
// CHECK-LABEL: func private @masked
//   CHECK-DAG:   %[[X:.+]] = gpu.block_id x
//   CHECK-DAG:   %[[Y:.+]] = gpu.block_id y
//   CHECK-DAG:   %[[W:.+]] = gpu.grid_dim x
//       CHECK:   %[[LINE:.+]] = arith.muli %[[Y]], %[[W]]
//       CHECK:   %[[NUMBER:.+]] = arith.addi %[[LINE]], %[[X]]
//       CHECK:   arith.divui %[[NUMBER]], %{{.+}}
//       CHECK:   scf.for
//   CHECK-NOT:     scf.if
//       CHECK:     %[[M:.+]] = tile.load %{{.+}}[%c0, %{{.+}}, %{{.+}}] [1, 3, 8] : memref<1x?x?xi1> -> tensor<3x8xi1>
//       CHECK:     arith.andi %{{.+}}, %[[M]] : tensor<3x8xi1>
func.func private @masked(
    %q: memref<?x?x2x16xf16> {headgate.dims = ["B", "S", 2, 16]},
    %k: memref<?x?x2x16xf16> {headgate.dims = ["B", "T", 2, 16]},
    %m: memref<1x?x?xi1> {headgate.dims = [1, "S", "T"]},
    %o: memref<?x?x2x16xf16> {headgate.dims = ["B", "S", 2, 16], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 3, keys = 8, order = rows>} {
  %qt = bufferization.to_tensor %q restrict : memref<?x?x2x16xf16> to tensor<?x?x2x16xf16>
  %kt = bufferization.to_tensor %k restrict : memref<?x?x2x16xf16> to tensor<?x?x2x16xf16>
  %mt = bufferization.to_tensor %m restrict : memref<1x?x?xi1> to tensor<1x?x?xi1>
  %out, %lse = routed.attend %qt, %kt, %kt mask(%mt : tensor<1x?x?xi1>)
      : tensor<?x?x2x16xf16>, tensor<?x?x2x16xf16>, tensor<?x?x2x16xf16>
  bufferization.materialize_in_destination %out in restrict writable %o : (tensor<?x?x2x16xf16>, memref<?x?x2x16xf16>) -> ()
  return
}

// -----

// A score region: scaled products; i32 tiles for indices; what depends on the head
// alone is one number of the block, on the row one for each row; a table by row and
// key is a window; a cap that is an argument stays a scalar.
// CHECK-LABEL: func private @scored
//  CHECK-SAME:   %[[SLOPES:[^:]+]]: memref<2xf32> {{[^%]+}} %[[BIAS:[^:]+]]: memref<?x?xf32> {{[^%]+}} %[[DOCS:[^:]+]]: memref<?xi32> {{[^%]+}} %[[CAP:[^:]+]]: memref<f32>
//   CHECK-DAG:   %[[C:.+]] = memref.load %[[CAP]][]
//       CHECK:   scf.for
//       CHECK:     %[[RAW:.+]] = tile.dot
//       CHECK:     arith.mulf %[[RAW]], %{{.+}} : tensor<3x8xf32>
//       CHECK:     %[[CAPS:.+]] = tensor.splat %[[C]] : tensor<3x8xf32>
//       CHECK:     arith.divf %{{.+}}, %[[CAPS]]
//       CHECK:     math.tanh %{{.+}} : tensor<3x8xf32>
//       CHECK:     %[[D:.+]] = arith.subi %{{.+}}, %{{.+}} : tensor<3x8xi32>
//       CHECK:     arith.sitofp %[[D]] : tensor<3x8xi32> to tensor<3x8xf32>
//       CHECK:     %[[SLOPE:.+]] = memref.load %[[SLOPES]][%{{.+}}]
//       CHECK:     tensor.splat %[[SLOPE]] : tensor<3x8xf32>
//       CHECK:     tile.load %[[BIAS]][%c0, %{{.+}}] [1, 8] rows(%{{.+}} at [0] : tensor<3xi32>) : memref<?x?xf32> -> tensor<3x8xf32>
//       CHECK:     %[[DOC:.+]] = tile.load %[[DOCS]][%{{.+}}] [8] : memref<?xi32> -> tensor<8xi32>
//       CHECK:     %[[MINE:.+]] = tile.load %[[DOCS]][%c0] [1] rows(%{{.+}} at [0] : tensor<3xi32>) : memref<?xi32> -> tensor<3xi32>
//   CHECK-DAG:     tile.broadcast %[[DOC]] along 0
//   CHECK-DAG:     tile.broadcast %[[MINE]] along 1
//       CHECK:     arith.select %{{.+}} : tensor<3x8xi1>, tensor<3x8xf32>
//       CHECK:     scf.if
func.func private @scored(
    %q: memref<?x?x2x16xf32> {headgate.dims = ["B", "S", 2, 16]},
    %k: memref<?x?x2x16xf32> {headgate.dims = ["B", "T", 2, 16]},
    %slopes: memref<2xf32> {headgate.dims = [2]}, %bias: memref<?x?xf32> {headgate.dims = ["S", "T"]},
    %docs: memref<?xi32> {headgate.dims = ["T"]}, %cap: memref<f32> {headgate.dims = []},
    %o: memref<?x?x2x16xf32> {headgate.dims = ["B", "S", 2, 16], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 3, keys = 8>} {
  %qt = bufferization.to_tensor %q restrict : memref<?x?x2x16xf32> to tensor<?x?x2x16xf32>
  %kt = bufferization.to_tensor %k restrict : memref<?x?x2x16xf32> to tensor<?x?x2x16xf32>
  %st = bufferization.to_tensor %slopes restrict : memref<2xf32> to tensor<2xf32>
  %bt = bufferization.to_tensor %bias restrict : memref<?x?xf32> to tensor<?x?xf32>
  %dt = bufferization.to_tensor %docs restrict : memref<?xi32> to tensor<?xi32>
  %ct = bufferization.to_tensor %cap restrict : memref<f32> to tensor<f32>
  %c = tensor.extract %ct[] : tensor<f32>
  %out, %lse = routed.attend %qt, %kt, %kt
      : tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    %small = arith.divf %a, %c : f32
    %bent = math.tanh %small : f32
    %distance = arith.subi %s, %t : index
    %steps = arith.index_cast %distance : index to i32
    %far = arith.sitofp %steps : i32 to f32
    %slope = tensor.extract %st[%h] : tensor<2xf32>
    %down = arith.mulf %slope, %far : f32
    %tilted = arith.subf %bent, %down : f32
    %extra = tensor.extract %bt[%s, %t] : tensor<?x?xf32>
    %sum = arith.addf %tilted, %extra : f32
    %theirs = tensor.extract %dt[%t] : tensor<?xi32>
    %mine = tensor.extract %dt[%s] : tensor<?xi32>
    %same = arith.cmpi eq, %mine, %theirs : i32
    %never = arith.constant 0xFF800000 : f32
    %score = arith.select %same, %sum, %never : f32
    routed.yield %score
  }
  bufferization.materialize_in_destination %out in restrict writable %o : (tensor<?x?x2x16xf32>, memref<?x?x2x16xf32>) -> ()
  return
}

// -----

// A scale that is not positive turns the order of scores: they are scaled first.
// CHECK-LABEL: func private @downhill
//       CHECK:   %[[MINUS:.+]] = arith.constant dense<-5.000000e-01> : tensor<3x8xf32>
//       CHECK:   %[[RAW:.+]] = tile.dot
//       CHECK:   arith.mulf %[[RAW]], %[[MINUS]]
func.func private @downhill(
    %q: memref<?x?x2x16xf32> {headgate.dims = ["B", "S", 2, 16]},
    %k: memref<?x?x2x16xf32> {headgate.dims = ["B", "T", 2, 16]},
    %o: memref<?x?x2x16xf32> {headgate.dims = ["B", "S", 2, 16], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 3, keys = 8>} {
  %qt = bufferization.to_tensor %q restrict : memref<?x?x2x16xf32> to tensor<?x?x2x16xf32>
  %kt = bufferization.to_tensor %k restrict : memref<?x?x2x16xf32> to tensor<?x?x2x16xf32>
  %out, %lse = routed.attend %qt, %kt, %kt scale -0.5
      : tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>
  bufferization.materialize_in_destination %out in restrict writable %o : (tensor<?x?x2x16xf32>, memref<?x?x2x16xf32>) -> ()
  return
}

// -----

// A window that no sequence is longer than is none, and the numbers of tiles are
// not asked to hold it.
// CHECK-LABEL: func private @boundless_window
//       CHECK:   tile.iota
//       CHECK:   scf.for
//       CHECK:     arith.cmpi sle, {{.+}} : tensor<2x4xi32>
//   CHECK-NOT:     arith.cmpi sgt, {{.+}} : tensor<2x4xi32>
//       CHECK:     tile.reduce max
func.func private @boundless_window(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %k: memref<?x?x2x8xf32> {headgate.dims = ["B", "T", 2, 8]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1 = bufferization.to_tensor %k restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %2, %lse = routed.attend %0, %1, %1 causal window 4294967298
      : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>
  bufferization.materialize_in_destination %2 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}
