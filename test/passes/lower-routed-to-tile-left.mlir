// RUN: headgate-opt %s --headgate-lower-routed-to-tile --split-input-file --verify-diagnostics \
// RUN:   --remarks-filter-missed="lower-routed-to-tile" --remark-format=emitRemark \
// RUN:   | FileCheck %s --implicit-check-not="tile.{{[ld]}}"

// Kernels that stay as they are: those of other kinds and without a schedule,
// silently; those that tiles cannot say, with a remark at the op in the way.

// CHECK-COUNT-18: = routed.{{attend|mean_heads}}

func.func private @not_scheduled(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend"} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

func.func private @rows(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %o: memref<?x?x1x8xf32> {headgate.dims = ["B", "S", 1, 8], headgate.output})
    attributes {headgate.kernel = "rows", tile.schedule = #tile.schedule<rows = 2>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1 = routed.mean_heads %0 : tensor<?x?x2x8xf32>
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x1x8xf32>, memref<?x?x1x8xf32>) -> ()
  return
}

// -----

func.func private @class_b(%q: memref<?x?x1x2x8xf32> {headgate.dims = ["B", "S", 1, 2, 8]},
    %k: memref<?x?x4x8xf32> {headgate.dims = ["B", "T", 4, 8]}, %e: memref<?x?x1x2xi32> {headgate.dims = ["B", "S", 1, 2]},
    %o: memref<?x?x1x2x8xf32> {headgate.dims = ["B", "S", 1, 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x1x2x8xf32> to tensor<?x?x1x2x8xf32>
  %1 = bufferization.to_tensor %k restrict : memref<?x?x4x8xf32> to tensor<?x?x4x8xf32>
  %2 = bufferization.to_tensor %e restrict : memref<?x?x1x2xi32> to tensor<?x?x1x2xi32>
  // expected-remark @below {{'routed.attend' is not lowered to tiles: its key heads depend on the chosen expert}}
  %3, %lse = routed.attend %0, %1, %1 kv_head affine_map<(r, j)[e] -> (e)> experts(%2 of 4 : tensor<?x?x1x2xi32>)
      : tensor<?x?x1x2x8xf32>, tensor<?x?x4x8xf32>, tensor<?x?x4x8xf32>
  bufferization.materialize_in_destination %3 in restrict writable %o : (tensor<?x?x1x2x8xf32>, memref<?x?x1x2x8xf32>) -> ()
  return
}

// -----

func.func private @class_c(%q: memref<?x?x1x2x8xf32> {headgate.dims = ["B", "S", 1, 2, 8]},
    %e: memref<?x?x1x2xi32> {headgate.dims = ["B", "S", 1, 2]},
    %o: memref<?x?x1x2x8xf32> {headgate.dims = ["B", "S", 1, 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x1x2x8xf32> to tensor<?x?x1x2x8xf32>
  %2 = bufferization.to_tensor %e restrict : memref<?x?x1x2xi32> to tensor<?x?x1x2xi32>
  // expected-remark @below {{'routed.attend' is not lowered to tiles: its keys are routed}}
  %3, %lse = routed.attend %0, %0, %0 causal experts(%2 of 4 : tensor<?x?x1x2xi32>) history(%2 : tensor<?x?x1x2xi32>)
      : tensor<?x?x1x2x8xf32>, tensor<?x?x1x2x8xf32>, tensor<?x?x1x2x8xf32>
  bufferization.materialize_in_destination %3 in restrict writable %o : (tensor<?x?x1x2x8xf32>, memref<?x?x1x2x8xf32>) -> ()
  return
}

// -----

func.func private @wide(%q: memref<?x?x2x288xf32> {headgate.dims = ["B", "S", 2, 288]},
    %o: memref<?x?x2x288xf32> {headgate.dims = ["B", "S", 2, 288], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x288xf32> to tensor<?x?x2x288xf32>
  // expected-remark @below {{'routed.attend' is not lowered to tiles: its rows are 288 wide, and at most 256 fit}}
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x288xf32>, tensor<?x?x2x288xf32>, tensor<?x?x2x288xf32>
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x288xf32>, memref<?x?x2x288xf32>) -> ()
  return
}

// -----

// Which head reads which key head must be a progression for heads to be merged.
func.func private @uneven_heads(%q: memref<?x?x3x8xf32> {headgate.dims = ["B", "S", 3, 8]},
    %k: memref<?x?x2x8xf32> {headgate.dims = ["B", "T", 2, 8]},
    %o: memref<?x?x3x8xf32> {headgate.dims = ["B", "S", 3, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4, merge = true>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x3x8xf32> to tensor<?x?x3x8xf32>
  %1 = bufferization.to_tensor %k restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  // expected-remark @below {{'routed.attend' is not lowered to tiles: the heads that read one key head are no progression}}
  %2, %lse = routed.attend %0, %1, %1 kv_head affine_map<(h) -> (h floordiv 2)>
      : tensor<?x?x3x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>
  bufferization.materialize_in_destination %2 in restrict writable %o : (tensor<?x?x3x8xf32>, memref<?x?x3x8xf32>) -> ()
  return
}

// -----

// expected-remark @below {{'func.func' is not lowered to tiles: its schedule has no keys}}
func.func private @no_keys(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

// -----

func.func private @more_than_an_attention(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %o: memref<?x?x16xf32> {headgate.dims = ["B", "S", 16], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>
  // expected-remark @below {{'tensor.collapse_shape' is not lowered to tiles: it cannot be part of an attention}}
  %2 = tensor.collapse_shape %1 [[0], [1], [2, 3]] : tensor<?x?x2x8xf32> into tensor<?x?x16xf32>
  bufferization.materialize_in_destination %2 in restrict writable %o : (tensor<?x?x16xf32>, memref<?x?x16xf32>) -> ()
  return
}

// -----

func.func private @every_other_element(%q: memref<?x?x2x16xf32> {headgate.dims = ["B", "S", 2, 16]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %B = memref.dim %q, %c0 : memref<?x?x2x16xf32>
  %S = memref.dim %q, %c1 : memref<?x?x2x16xf32>
  %h = memref.subview %q[0, 0, 0, 0] [%B, %S, 2, 8] [1, 1, 1, 2]
      : memref<?x?x2x16xf32> to memref<?x?x2x8xf32, strided<[?, 32, 16, 2]>>
  %0 = bufferization.to_tensor %h restrict : memref<?x?x2x8xf32, strided<[?, 32, 16, 2]>> to tensor<?x?x2x8xf32>
  // expected-remark @below {{'routed.attend' is not lowered to tiles: the elements of an operand's rows are not neighbours}}
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

// -----

// A division by what other pairs may make 0 is not done for them.
func.func private @undefined_score(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    // expected-remark @below {{'arith.divsi' is not lowered to tiles: the score region has it, and it is undefined for some pairs}}
    %x = arith.divsi %s, %t : index
    %y = arith.index_cast %x : index to i32
    %z = arith.sitofp %y : i32 to f32
    %w = arith.mulf %a, %z : f32
    routed.yield %w
  }
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

// -----

// A table by distance has no window: neighbouring keys, but another for each row.
func.func private @table_by_distance(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %d: memref<?xf32> {headgate.dims = ["L"]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %t0 = bufferization.to_tensor %d restrict : memref<?xf32> to tensor<?xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    %i = arith.subi %s, %t : index
    // expected-remark @below {{'tensor.extract' is not lowered to tiles: the score region has it, and its last index is not the key}}
    %x = tensor.extract %t0[%i] : tensor<?xf32>
    %y = arith.addf %a, %x : f32
    routed.yield %y
  }
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

// -----

// A table by key and something else than its row.
func.func private @table_by_key_first(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %d: memref<?x?xf32> {headgate.dims = ["T", "S"]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %t0 = bufferization.to_tensor %d restrict : memref<?x?xf32> to tensor<?x?xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    // expected-remark @below {{'tensor.extract' is not lowered to tiles: the score region has it, and a key is not its last index}}
    %x = tensor.extract %t0[%t, %s] : tensor<?x?xf32>
    %y = arith.addf %a, %x : f32
    routed.yield %y
  }
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

// -----

func.func private @score_in_f64(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    // expected-remark @below {{'arith.extf' is not lowered to tiles: the score region has it, and tiles have no elements of its types}}
    %x = arith.extf %a : f32 to f64
    %y = arith.addf %x, %x : f64
    %z = arith.truncf %y : f64 to f32
    routed.yield %z
  }
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

// -----

// Indices are i32 in tiles: what may need more bits is not computed there.
func.func private @large_index(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    %c = arith.constant 4096 : index
    // expected-remark @below {{'arith.muli' is not lowered to tiles: the score region has it, and its indices need not fit 32 bits}}
    %x = arith.muli %s, %c : index
    %m = arith.remui %x, %c : index
    %y = arith.index_cast %m : index to i32
    %z = arith.sitofp %y : i32 to f32
    %w = arith.mulf %a, %z : f32
    routed.yield %w
  }
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

// -----

// As unsigned numbers, -1 of 32 and of 64 bits leave other rests.
func.func private @negative_index(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    %c = arith.constant 3 : index
    %x = arith.subi %t, %c : index
    // expected-remark @below {{'arith.remui' is not lowered to tiles: the score region has it, and its indices need not fit 32 bits}}
    %m = arith.remui %x, %c : index
    %y = arith.index_cast %m : index to i32
    %z = arith.sitofp %y : i32 to f32
    %w = arith.mulf %a, %z : f32
    routed.yield %w
  }
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

// -----

// A shift that leaves nothing of 32 bits is undefined for them.
func.func private @long_shift(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    %c = arith.constant 33 : index
    // expected-remark @below {{'arith.shrui' is not lowered to tiles: the score region has it, and its indices need not fit 32 bits}}
    %x = arith.shrui %t, %c : index
    %y = arith.index_cast %x : index to i32
    %z = arith.sitofp %y : i32 to f32
    %w = arith.mulf %a, %z : f32
    routed.yield %w
  }
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

// -----

// A conversion that changes the number is no renaming.
func.func private @narrow_index(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    // expected-remark @below {{'arith.index_cast' is not lowered to tiles: the score region has it, and tiles convert an index to i32 only}}
    %x = arith.index_cast %t : index to i8
    %z = arith.sitofp %x : i8 to f32
    %w = arith.mulf %a, %z : f32
    routed.yield %w
  }
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

// -----

// A window of keys cannot move along two dimensions.
func.func private @diagonal(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]},
    %d: memref<?x?xf32> {headgate.dims = ["S", "S"]},
    %o: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %table = bufferization.to_tensor %d restrict : memref<?x?xf32> to tensor<?x?xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32> score {
  ^bb0(%a: f32, %b: index, %s: index, %t: index, %h: index):
    // expected-remark @below {{'tensor.extract' is not lowered to tiles: the score region has it, and a key is not its last index}}
    %z = tensor.extract %table[%t, %t] : tensor<?x?xf32>
    %w = arith.mulf %a, %z : f32
    routed.yield %w
  }
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}

// -----

// expected-error @below {{argument 1 of a kernel needs 'headgate.dims' with a name or number for each of its 4 dimensions}}
func.func private @no_dims(%q: memref<?x?x2x8xf32> {headgate.dims = ["B", "S", 2, 8]}, %o: memref<?x?x2x8xf32> {headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = 2, keys = 4>} {
  %0 = bufferization.to_tensor %q restrict : memref<?x?x2x8xf32> to tensor<?x?x2x8xf32>
  %1, %lse = routed.attend %0, %0, %0 : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>
  bufferization.materialize_in_destination %1 in restrict writable %o : (tensor<?x?x2x8xf32>, memref<?x?x2x8xf32>) -> ()
  return
}
